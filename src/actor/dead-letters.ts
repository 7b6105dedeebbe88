import { type Clock, Deque, errorMessage, type Logger } from '../core/index.ts';

/**
 * Why a message reached nobody: `overflow` its mailbox was full, `terminated` the actor was dead or died before handling
 * it, `crashed` the handler failed on it, `abandoned` the handler was cut off before it ended, `unreachable` the actor's
 * node is gone, or the message can't travel, `unfit` it came from another node and doesn't fit the actor's schema.
 */
export type DeadLetterReason = 'overflow' | 'terminated' | 'crashed' | 'abandoned' | 'unreachable' | 'unfit';

/** A message that nobody handled to its end. */
export interface DeadLetter {
  /** Its number: the first of a system has 1. */
  readonly id: number;
  readonly message: unknown;
  /** Path of the actor it was for. */
  readonly to: string;
  readonly reason: DeadLetterReason;
  /** Why the handler failed, or why the message was refused. */
  readonly error?: unknown;
  /** Who sent it, where the receiver's `envelope.sender` can tell. */
  readonly sender?: string;
  /** Wall-clock time, ms since 1970. */
  readonly at: number;
}

/** A dead letter that is still there. */
export interface KeptDeadLetter extends DeadLetter {
  /** How long it has been dead, ms. */
  readonly ageMs: number;
}

/** What became of dead letters that were to be sent again. */
export interface Replay {
  /** In a mailbox again, and no dead letters any more. */
  readonly accepted: number;
  /** Their actor is dead: they stay dead letters. Its mailbox is full: they are dead letters anew. */
  readonly refused: number;
}

/** Whom a dead letter was for, or is to go to now. */
export interface Addressee {
  /** Whether it takes no mail any more. */
  readonly closed: boolean;
  /** Takes a message, or makes it a dead letter and says why. */
  accept(message: unknown): unknown;
}

interface Entry {
  readonly letter: DeadLetter;
  readonly addressee: Addressee;
  /** Bytes. */
  readonly size: number;
  /** Monotonic ms. */
  readonly since: number;
}

/** The last dead letters, bounded by count and bytes, and how many there ever were. */
export class DeadLetters {
  #kept = new Deque<Entry>();
  /** Sizes of those kept, where they are known. */
  #bytes = 0;
  readonly #keptMax: number;
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listener: ((letter: DeadLetter) => void) | undefined;
  #count = 0;

  /** @param keptMax how many are kept; @param bytesMax of how many bytes together, as far as sizes are known */
  constructor(
    keptMax: number,
    bytesMax: number,
    clock: Clock,
    logger: Logger,
    listener?: (letter: DeadLetter) => void,
  ) {
    this.#keptMax = keptMax;
    this.#bytesMax = bytesMax;
    this.#clock = clock;
    this.#logger = logger;
    this.#listener = listener;
  }

  /** How many there ever were, forgotten ones included. */
  get count(): number {
    return this.#count;
  }

  /** Those still kept, oldest first. */
  recent(): KeptDeadLetter[] {
    const now = this.#clock.monotonic();
    return [...this.#kept].map(({ letter, since }) => ({ ...letter, ageMs: now - since }));
  }

  /**
   * Sends kept ones again, oldest first, each to its own actor or all to `to`, which must understand them. Who asked by one
   * has heard of its end already: nobody waits for the answer.
   */
  replay(choose: (letter: DeadLetter) => boolean, to?: Addressee): Replay {
    const chosen = new Set([...this.#kept].filter(({ letter }) => choose(letter)));
    const ready = [...chosen].filter(({ addressee }) => !(to ?? addressee).closed);
    const leaving = new Set(ready);
    const before = this.#kept;
    this.#kept = new Deque();
    for (const entry of before) {
      if (leaving.has(entry)) this.#bytes -= entry.size;
      else this.#kept.push(entry);
    }
    let accepted = 0;
    for (const { letter, addressee } of ready) {
      if ((to ?? addressee).accept(letter.message) === undefined) accepted++;
    }
    return { accepted, refused: chosen.size - accepted };
  }

  /** Adds one. A listener that throws is logged; the sender never notices. @param size bytes, 0 where nobody knows */
  add(about: Omit<DeadLetter, 'at' | 'id'>, size: number, addressee: Addressee): void {
    const letter: DeadLetter = { id: ++this.#count, ...about, at: this.#clock.now() };
    this.#keep({ letter, addressee, size, since: this.#clock.monotonic() });
    try {
      this.#listener?.(letter);
    } catch (error) {
      this.#logger.error('dead letter listener failed', { error: errorMessage(error) });
    }
  }

  /** One that is larger than all may be together isn't kept; otherwise the oldest make room. */
  #keep(entry: Entry): void {
    if (this.#keptMax === 0 || entry.size > this.#bytesMax) return;
    while (this.#kept.length >= this.#keptMax || this.#bytes + entry.size > this.#bytesMax) {
      this.#bytes -= this.#kept.shift()!.size;
    }
    this.#kept.push(entry);
    this.#bytes += entry.size;
  }
}
