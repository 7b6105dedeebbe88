import { type Clock, invariant, type Timer, TroupeError } from '../../core/index.ts';
import type { LogConsumer, LogEntry } from '../port.ts';

interface Waiter {
  readonly index: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly timer: Timer;
}

/** The consumer, and who waits for it to reach an index. Only the reader or the writer of the moment gives it entries. */
export class Applier {
  readonly consumer: LogConsumer;
  readonly #clock: Clock;
  #waiters: Waiter[] = [];

  constructor(consumer: LogConsumer, clock: Clock) {
    this.consumer = consumer;
    this.#clock = clock;
  }

  get index(): number {
    return this.consumer.appliedIndex;
  }

  /** @returns the consumer's replies, one for each entry */
  apply(entries: readonly LogEntry[]): readonly unknown[] {
    invariant(entries[0]?.index === this.index + 1, 'entries are applied without a gap');
    const replies = this.consumer.apply(entries);
    this.#advanced();
    return replies;
  }

  async restore(index: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.consumer.restore(index, chunks);
    this.#advanced();
  }

  /** Resolves when the consumer has reached the index. @throws TroupeError TIMEOUT */
  reached(index: number, limitMs: number): Promise<void> {
    if (this.index >= index) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.schedule(limitMs, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new TroupeError('TIMEOUT', `entry ${index} has not been applied within ${limitMs} ms`));
      });
      const waiter: Waiter = { index, resolve, reject, timer };
      this.#waiters.push(waiter);
    });
  }

  /** Fails everybody who waits. */
  close(error: unknown): void {
    for (const { timer, reject } of this.#waiters.splice(0)) {
      timer.cancel();
      reject(error);
    }
  }

  #advanced(): void {
    if (this.#waiters.length === 0) return;
    const { index } = this;
    const done = this.#waiters.filter((waiter) => waiter.index <= index);
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > index);
    for (const { timer, resolve } of done) {
      timer.cancel();
      resolve();
    }
  }
}
