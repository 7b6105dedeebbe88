import { performance } from 'node:perf_hooks';

/** A timer that has been set; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. Protocol code never asks the machine: it is given a clock, so that a test can turn it.
 */
export interface Clock {
  /** Wall-clock time, ms since 1970. May jump; for people and for logged time only. */
  now(): number;
  /** Monotonic time in ms from an arbitrary origin, with fractions. For measuring and for deadlines. */
  monotonic(): number;
  /** Runs `fn` once after `delayMs` (0 or more). */
  schedule(delayMs: number, fn: () => void): Timer;
  /** Runs `fn` every `periodMs` until cancelled; a late tick is not made up for. */
  repeat(periodMs: number, fn: () => void): Timer;
  /** Runs `fn` after the event loop has served its I/O once: how long work yields. */
  yieldThen(fn: () => void): void;
}

/** The longest delay that a timer of Node can have, ms; a longer one would fire at once. */
const LEG_MS_MAX = 2 ** 31 - 1;

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  schedule(delayMs: number, fn: () => void): Timer {
    if (delayMs > LEG_MS_MAX) {
      let leg = this.schedule(LEG_MS_MAX, () => {
        leg = this.schedule(delayMs - LEG_MS_MAX, fn);
      });
      return { cancel: () => leg.cancel() };
    }
    const handle = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  repeat(periodMs: number, fn: () => void): Timer {
    if (periodMs > LEG_MS_MAX) {
      const again = (): void => {
        timer = this.schedule(periodMs, again);
        fn();
      };
      let timer = this.schedule(periodMs, again);
      return { cancel: () => timer.cancel() };
    }
    const handle = setInterval(fn, periodMs);
    return { cancel: () => clearInterval(handle) };
  }

  yieldThen(fn: () => void): void {
    setImmediate(fn);
  }
}

/** This machine's clock. */
export const systemClock: Clock = new SystemClock();

/**
 * Waits for `delayMs`, or less when `signal` fires; it resolves in both cases, so the caller looks at the signal.
 */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * Waits for `work`, but no longer than `limitMs`.
 *
 * @returns whether it settled in time; its rejection passes through when it did
 */
export async function settlesWithin(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: Timer | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = clock.schedule(limitMs, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    timer?.cancel();
  }
}
