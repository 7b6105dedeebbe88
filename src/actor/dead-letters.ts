import { type Clock, Deque, errorMessage, type Logger } from '../core/index.ts';

/**
 * Why a message reached nobody: `overflow` its mailbox was full, `terminated` the actor was dead or died before handling
 * it, `crashed` the handler failed on it, `abandoned` the handler was cut off before it ended.
 */
export type DeadLetterReason = 'overflow' | 'terminated' | 'crashed' | 'abandoned';

/** A message that nobody handled to its end. */
export interface DeadLetter {
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

/** The last dead letters, bounded, and how many there ever were. */
export class DeadLetters {
  readonly #kept = new Deque<DeadLetter>();
  readonly #keptMax: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listener: ((letter: DeadLetter) => void) | undefined;
  #count = 0;

  /** @param keptMax how many are kept */
  constructor(keptMax: number, clock: Clock, logger: Logger, listener?: (letter: DeadLetter) => void) {
    this.#keptMax = keptMax;
    this.#clock = clock;
    this.#logger = logger;
    this.#listener = listener;
  }

  /** How many there ever were, forgotten ones included. */
  get count(): number {
    return this.#count;
  }

  /** Those still kept, oldest first. */
  recent(): DeadLetter[] {
    return [...this.#kept];
  }

  /** Adds one. A listener that throws is logged; the sender never notices. */
  add(letter: Omit<DeadLetter, 'at'>): void {
    this.#count++;
    const full: DeadLetter = { ...letter, at: this.#clock.now() };
    if (this.#keptMax > 0) {
      if (this.#kept.length >= this.#keptMax) this.#kept.shift();
      this.#kept.push(full);
    }
    try {
      this.#listener?.(full);
    } catch (error) {
      this.#logger.error('dead letter listener failed', { error: errorMessage(error) });
    }
  }
}
