import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import { requireAtLeast } from './options.ts';

/**
 * A message that an incarnation is to get from itself: a timer, a piped promise, a watched actor's end. It isn't subject
 * to the mailbox's bounds, and it dies with the incarnation, also when it already waits in the mailbox.
 */
export class Note<M> {
  /** The incarnation it is for. */
  readonly owner: object;
  readonly message: M;
  /** False once it was called off. */
  wanted = true;
  /** Called when it is taken from the mailbox. */
  readonly onTaken: (() => void) | undefined;

  constructor(owner: object, message: M, onTaken?: () => void) {
    this.owner = owner;
    this.message = message;
    this.onTaken = onTaken;
  }
}

interface Entry<M> {
  timer: Timer | undefined;
  note: Note<M> | undefined;
}

/** The timers of one incarnation, by key. */
export class Timers<M> {
  readonly #entries = new Map<string | symbol, Entry<M>>();
  readonly #clock: Clock;
  readonly #owner: object;
  readonly #post: (note: Note<M>) => void;
  readonly #timersMax: number;

  /** @param owner the incarnation; @param timersMax how many may be set at once; @param post puts a note into the mailbox */
  constructor(clock: Clock, owner: object, timersMax: number, post: (note: Note<M>) => void) {
    this.#clock = clock;
    this.#owner = owner;
    this.#timersMax = timersMax;
    this.#post = post;
  }

  /** Sends `message` once. A timer of the same key is replaced, even if its message already waits. */
  once(key: string | symbol, delayMs: number, message: M): Timer {
    requireAtLeast('delayMs', delayMs, 0);
    const entry = this.#enter(key);
    entry.timer = this.#clock.schedule(delayMs, () => this.#fire(key, entry, message, true));
    return this.#handle(key, entry);
  }

  /** Sends `message` every `periodMs`; a tick is skipped while the one before still waits in the mailbox. */
  every(key: string | symbol, periodMs: number, message: M): Timer {
    requireAtLeast('periodMs', periodMs, 1);
    const entry = this.#enter(key);
    entry.timer = this.#clock.repeat(periodMs, () => this.#fire(key, entry, message, false));
    return this.#handle(key, entry);
  }

  /** Cancels a timer; its message isn't handled even if it already waits. */
  cancel(key: string | symbol): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.timer?.cancel();
    if (entry.note !== undefined) entry.note.wanted = false;
  }

  cancelAll(): void {
    for (const key of [...this.#entries.keys()]) this.cancel(key);
  }

  /** Cancels this timer only, not one that has replaced it. */
  #handle(key: string | symbol, entry: Entry<M>): Timer {
    return { cancel: () => this.#entries.get(key) === entry && this.cancel(key) };
  }

  #enter(key: string | symbol): Entry<M> {
    this.cancel(key);
    if (this.#entries.size >= this.#timersMax) throw new TroupeError('OVERLOADED', 'too many timers in one actor');
    const entry: Entry<M> = { timer: undefined, note: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #fire(key: string | symbol, entry: Entry<M>, message: M, last: boolean): void {
    if (entry.note !== undefined) return;
    entry.note = new Note(this.#owner, message, () => {
      entry.note = undefined;
      if (last && this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#post(entry.note);
  }
}
