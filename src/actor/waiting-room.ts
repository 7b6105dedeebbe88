import { Deque } from '../core/index.ts';

interface Waiter<M> {
  readonly message: M;
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Senders that wait in `offer` until the mailbox has room, first come first served. */
export class WaitingRoom<M> {
  readonly #waiters = new Deque<Waiter<M>>();

  get length(): number {
    return this.#waiters.length;
  }

  /** @param size of the message, bytes @returns when the message is in the mailbox */
  enter(message: M, size: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ message, size, resolve, reject }));
  }

  /** Lets senders in, in order, as long as `take` accepts their message. */
  admit(take: (message: M, size: number) => boolean): void {
    for (let waiter = this.#waiters.peek(); waiter !== undefined; waiter = this.#waiters.peek()) {
      if (!take(waiter.message, waiter.size)) return;
      this.#waiters.shift();
      waiter.resolve();
    }
  }

  /** The actor is gone: `refuse` says for each message why it can't be taken, or nothing when it was handed on. */
  close(refuse: (message: M) => unknown): void {
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      const refusal = refuse(waiter.message);
      if (refusal === undefined) waiter.resolve();
      else waiter.reject(refusal);
    }
  }
}
