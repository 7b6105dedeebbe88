import type { MailboxBounds } from './overflow.ts';

/** Messages that an incarnation has set aside, in the order it did so. Bounded by itself, whatever the mailbox holds. */
export class Stash<M> {
  #messages: M[] = [];
  #bytes = 0;
  readonly #bounds: MailboxBounds;

  constructor(bounds: MailboxBounds) {
    this.#bounds = bounds;
  }

  /** @param size bytes @returns false when there is no room */
  put(message: M, size: number): boolean {
    if (this.#messages.length >= this.#bounds.messages || this.#bytes + size > this.#bounds.bytes) return false;
    this.#messages.push(message);
    this.#bytes += size;
    return true;
  }

  /** Empties it. */
  takeAll(): M[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
