import { Mailbox } from './mailbox.ts';

/** How messages are told apart by urgency. */
export interface MailPriority<M> {
  /** How many levels there are, 2 to `PRIORITY_LEVELS_MAX`. */
  readonly levels: number;
  /**
   * Level of a message: 0 is the most urgent, `levels - 1` the least. What lies beyond counts as the nearest; what is no
   * number, or throws, counts as least urgent. Asked once per message.
   */
  readonly of: (message: M) => number;
}

/** Levels of urgency that one mailbox may tell apart: each costs a ring, and a look per message. */
export const PRIORITY_LEVELS_MAX = 16;

/** What an actor can have for a mailbox. */
export type AnyMailbox<M> = Mailbox<M> | PriorityMailbox<M>;

/**
 * Mailboxes behind one door, one per level of urgency. The most urgent message comes out first, and within a level the
 * oldest. Urgency is strict: while urgent mail keeps coming, the rest waits.
 */
export class PriorityMailbox<M> {
  /** Most urgent first. */
  readonly #rings: readonly Mailbox<M>[];
  readonly #levelOf: (message: M) => number;

  /** @param levelOf what `MailPriority.of` promises; may throw; @param sized whether sizes are kept */
  constructor(levels: number, levelOf: (message: M) => number, sized: boolean) {
    this.#rings = Array.from({ length: levels }, () => new Mailbox<M>(sized));
    this.#levelOf = levelOf;
  }

  get length(): number {
    let length = 0;
    for (const ring of this.#rings) length += ring.length;
    return length;
  }

  get bytes(): number {
    let bytes = 0;
    for (const ring of this.#rings) bytes += ring.bytes;
    return bytes;
  }

  push(message: M, stamp: number, size: number): void {
    this.#rings[this.#level(message)]!.push(message, stamp, size);
  }

  /** Puts a message before all others of its level. */
  unshift(message: M, stamp: number, size: number): void {
    this.#rings[this.#level(message)]!.unshift(message, stamp, size);
  }

  /** Takes the oldest of the most urgent messages; the mailbox must not be empty. */
  shift(): M {
    return this.#rings.find((ring) => ring.length > 0)!.shift();
  }

  /** Stamp of the oldest message of all; the mailbox must not be empty. */
  oldestStamp(): number {
    return Math.min(...this.#rings.filter((ring) => ring.length > 0).map((ring) => ring.oldestStamp()));
  }

  /** Whether a message is in it. */
  includes(message: M): boolean {
    return this.#rings.some((ring) => ring.includes(message));
  }

  /** The rings whose messages are no more urgent than `message`, least urgent first. */
  yieldingTo(message: M): readonly Mailbox<M>[] {
    return this.#rings.slice(this.#level(message)).reverse();
  }

  #level(message: M): number {
    const least = this.#rings.length - 1;
    try {
      const level = Math.trunc(this.#levelOf(message));
      return level >= 0 ? Math.min(level, least) : level < 0 ? 0 : least;
    } catch {
      return least;
    }
  }
}
