import type { Clock, Timer } from '../core/index.ts';
import type { Note } from './timers.ts';

/** Notices that an actor has had nothing to do for a while. One timer at most, and per message only a look at the clock. */
export class ReceiveTimeout<M> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #isIdle: () => boolean;
  readonly #makeNote: () => Note<M>;
  readonly #post: (note: Note<M>) => void;
  #quietSince = 0;
  #timer: Timer | undefined;
  #cancelled = false;
  /** What was sent last. */
  #note: Note<M> | undefined;

  /**
   * @param isIdle whether nothing is being handled and nothing waits
   * @param makeNote makes what is sent after a silence; @param post puts it into the mailbox
   */
  constructor(
    clock: Clock,
    timeoutMs: number,
    isIdle: () => boolean,
    makeNote: () => Note<M>,
    post: (note: Note<M>) => void,
  ) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#isIdle = isIdle;
    this.#makeNote = makeNote;
    this.#post = post;
    this.touch();
  }

  /** A message is handled, or has been. */
  touch(): void {
    this.#quietSince = this.#clock.monotonic();
    if (this.#timer === undefined && !this.#cancelled) this.#arm(this.#timeoutMs);
  }

  /** What was sent isn't handled even if it already waits. */
  cancel(): void {
    this.#cancelled = true;
    this.#timer?.cancel();
    if (this.#note !== undefined) this.#note.wanted = false;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => this.#look());
  }

  #look(): void {
    const restMs = this.#isIdle() ? this.#quietSince + this.#timeoutMs - this.#clock.monotonic() : this.#timeoutMs;
    if (restMs > 0) {
      this.#arm(Math.ceil(restMs));
      return;
    }
    this.#timer = undefined;
    this.#note = this.#makeNote();
    this.#post(this.#note);
  }
}
