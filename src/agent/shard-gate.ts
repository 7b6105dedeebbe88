import type { Delivery } from './delivery.ts';

/** Holds the turns of a shard back while it is about to move: those that run may end, and no other begins. */
export class ShardGate {
  #closed: PromiseWithResolvers<void> | undefined;
  readonly #running: Set<Delivery> = new Set();
  #quiet: () => void = () => undefined;

  /** Resolves when turns may begin, or be given up; undefined while they may. */
  get closed(): Promise<void> | undefined {
    return this.#closed?.promise;
  }

  /** No turn begins from now on. @param running those that have begun @returns when all of them have ended */
  close(running: Iterable<Delivery>): Promise<void> {
    this.#closed ??= Promise.withResolvers();
    for (const delivery of running) this.#running.add(delivery);
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#quiet = resolve;
    });
  }

  /** A message is done with. */
  ended(delivery: Delivery): void {
    if (this.#running.delete(delivery) && this.#running.size === 0) this.#quiet();
  }

  /** Whoever waits looks whether its turn is still wanted here. */
  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
    this.#running.clear();
  }
}
