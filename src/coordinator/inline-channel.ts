import type { ChannelPort } from './channel.ts';

/**
 * A channel inside one thread, for simulation: each message arrives in a later microtask.
 *
 * @example
 * const [control, main] = inlineChannel();
 * serveCoordinator(client, control);
 * const coordinator = connectCoordinator(main);
 */
export function inlineChannel(): readonly [InlineEnd, InlineEnd] {
  const a = new InlineEnd();
  const b = new InlineEnd();
  a.connect(b);
  b.connect(a);
  return [a, b];
}

/** One end of a channel inside one thread. */
export class InlineEnd implements ChannelPort {
  readonly #message: ((value: unknown) => void)[] = [];
  readonly #closed: (() => void)[] = [];
  #other: InlineEnd | undefined;

  /** @param other where this end's messages arrive */
  connect(other: InlineEnd): void {
    this.#other = other;
  }

  postMessage(value: unknown): void {
    const other = this.#other;
    queueMicrotask(() => {
      if (other !== undefined) for (const listener of other.#message) listener(value);
    });
  }

  on(event: 'message' | 'close', listener: (value: unknown) => void): void {
    if (event === 'message') this.#message.push(listener);
    else this.#closed.push(() => listener(undefined));
  }

  /** Closes both ends. */
  close(): void {
    const other = this.#other;
    this.#other = undefined;
    queueMicrotask(() => {
      for (const listener of this.#closed) listener();
    });
    other?.close();
  }
}
