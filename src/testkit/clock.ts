import type { Clock, Timer } from '../core/index.ts';

interface Due {
  at: number;
  readonly order: number;
  readonly fn: () => void;
  periodMs?: number;
}

/**
 * A clock that a test turns by hand. Timers fire in order of time, then of setting; time stands still while they run.
 *
 * @example
 * const clock = new ManualClock();
 * clock.schedule(100, () => fired.push('a'));
 * await clock.advance(100);
 */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers: Set<Due> = new Set();
  #yielded: (() => void)[] = [];
  readonly #epochMs: number;

  /** @param epochMs wall-clock time at monotonic time 0, ms since 1970 */
  constructor(epochMs = 1_700_000_000_000) {
    this.#now = 0;
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, fn: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(0, delayMs), order: this.#order++, fn };
    this.#timers.add(due);
    return { cancel: () => this.#timers.delete(due) };
  }

  repeat(periodMs: number, fn: () => void): Timer {
    const due: Due = { at: this.#now + periodMs, order: this.#order++, fn, periodMs };
    this.#timers.add(due);
    return { cancel: () => this.#timers.delete(due) };
  }

  yieldThen(fn: () => void): void {
    this.#yielded.push(fn);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Moves time forward by `ms`, firing what falls due on the way; promises settle between any two timers.
   */
  async advance(ms: number): Promise<void> {
    await this.advanceUntil(() => false, ms);
  }

  /**
   * Moves time forward until `done`, by `limitMs` at most.
   *
   * @returns whether it is done
   */
  async advanceUntil(done: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#now + limitMs;
    await this.settle();
    for (;;) {
      if (done()) return true;
      const due = this.#next(until);
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.at);
      if (due.periodMs === undefined) this.#timers.delete(due);
      else due.at += due.periodMs;
      due.fn();
      await this.settle();
    }
    this.#now = until;
    return false;
  }

  /** Lets promises and yielded work run until nothing yields any more (at most 10,000 rounds). */
  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round++) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      if (this.#yielded.length === 0) return;
      const work = this.#yielded;
      this.#yielded = [];
      for (const fn of work) fn();
    }
  }

  #next(until: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#timers) {
      if (due.at > until) continue;
      if (first === undefined || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    return first;
  }
}
