import { type Clock, invariant, systemClock, type Timer, TroupeError } from '../core/index.ts';
import { abortError } from './deadline.ts';

/** How long saved-up rate may be spent at once when the options don't say, ms. */
const BURST_MS = 10_000;
/** Calls that may wait when the options don't say. */
const QUEUED_MAX = 1_000;
/** Longest time between two looks at the queue, ms. */
const LOOK_MS_MAX = 60_000;

/** What a service allows; a rate left out isn't limited. */
export interface LimiterOptions {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** How much unused rate is saved up, in ms of it. Default 10,000: a burst of a sixth of a minute's rate. */
  readonly burstMs?: number;
  /** Calls that may wait. Default 1,000. */
  readonly queuedMax?: number;
  readonly clock?: Clock;
}

interface Waiter {
  readonly tokens: number;
  readonly admit: () => void;
}

/**
 * Keeps calls within a service's rates: a token bucket for requests and one for tokens. Those that wait are served in turn by
 * caller, and in order within a caller, so one that floods delays mostly itself. A big call isn't passed by small ones for ever:
 * whose turn it is keeps it until the buckets suffice, and one that is bigger than a bucket leaves it in debt.
 * One limiter is shared by all that use the same account.
 */
export class Limiter {
  readonly #requests: Bucket | undefined;
  readonly #tokens: Bucket | undefined;
  readonly #queuedMax: number;
  readonly #clock: Clock;
  /** Callers that wait, the next to be served first; each with its calls in order. */
  readonly #callers: Map<string, Set<Waiter>> = new Map();
  #queued = 0;
  #pausedUntil = 0;
  #timer: Timer | undefined;

  /** @throws TroupeError INVALID_ARGUMENT when a rate isn't above 0 */
  constructor({ requestsPerMinute, tokensPerMinute, burstMs = BURST_MS, ...rest }: LimiterOptions) {
    this.#clock = rest.clock ?? systemClock;
    this.#queuedMax = rest.queuedMax ?? QUEUED_MAX;
    const bucket = (perMinute: number | undefined): Bucket | undefined => {
      if (perMinute === undefined) return undefined;
      if (perMinute > 0 && burstMs > 0) return new Bucket(perMinute / 60_000, burstMs, this.#clock.monotonic());
      throw new TroupeError('INVALID_ARGUMENT', 'requestsPerMinute, tokensPerMinute and burstMs must be above 0');
    };
    this.#requests = bucket(requestsPerMinute);
    this.#tokens = bucket(tokensPerMinute);
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#queued;
  }

  /**
   * Waits until a request of so many tokens may be sent, and takes it from the rates.
   *
   * @param caller who asks: callers wait in turn
   * @throws TroupeError OVERLOADED when too many wait; CANCELLED or the signal's own reason
   */
  acquire(tokens: number, signal: AbortSignal, caller = ''): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortError(signal));
      if (this.#queued === 0 && this.#waitMs(tokens) === 0) {
        this.take(tokens);
        return resolve();
      }
      if (this.#queued >= this.#queuedMax) {
        return reject(new TroupeError('OVERLOADED', `${this.#queued} calls wait for the model already`));
      }
      const leave = (): void => {
        this.#remove(caller, waiter);
        this.#serve();
        reject(abortError(signal));
      };
      const admit = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const waiter: Waiter = { tokens, admit };
      signal.addEventListener('abort', leave, { once: true });
      const calls = this.#callers.get(caller);
      if (calls === undefined) this.#callers.set(caller, new Set([waiter]));
      else calls.add(waiter);
      this.#queued++;
      // With a timer set somebody else is next already.
      if (this.#timer === undefined) this.#serve();
    });
  }

  /** Takes a request of so many tokens without waiting: a repeated try, which others then wait for. */
  take(tokens: number): void {
    this.#requests?.take(1);
    this.#tokens?.take(tokens);
  }

  /** Gives back tokens that a call didn't use; fewer than 0 when it used more. */
  refund(tokens: number): void {
    this.#tokens?.take(-tokens);
    if (tokens > 0) this.#serve();
  }

  /** Lets nobody through for so long: the service said when to come back. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.monotonic() + ms);
  }

  #waitMs(tokens: number): number {
    const now = this.#clock.monotonic();
    const wait = Math.max(
      this.#pausedUntil - now,
      this.#requests?.waitMs(1, now) ?? 0,
      this.#tokens?.waitMs(tokens, now) ?? 0,
    );
    // Whole milliseconds, or a last binary digit would be waited for again and again.
    return Math.ceil(wait);
  }

  #serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [caller, calls] of this.#callers) {
      const [next] = calls;
      invariant(next !== undefined, 'a caller without a call waits');
      const waitMs = this.#waitMs(next.tokens);
      if (waitMs > 0) {
        this.#timer = this.#clock.schedule(Math.min(waitMs, LOOK_MS_MAX), () => this.#serve());
        return;
      }
      this.take(next.tokens);
      this.#remove(caller, next);
      // To the end of the line; this loop comes to it again.
      if (this.#callers.delete(caller)) this.#callers.set(caller, calls);
      next.admit();
    }
  }

  #remove(caller: string, waiter: Waiter): void {
    const calls = this.#callers.get(caller);
    if (calls?.delete(waiter)) this.#queued--;
    if (calls?.size === 0) this.#callers.delete(caller);
  }
}

/** A token bucket that fills steadily; its level is computed when it is asked for. */
class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #at: number;

  constructor(perMs: number, burstMs: number, now: number) {
    this.#perMs = perMs;
    this.#capacity = perMs * burstMs;
    this.#level = this.#capacity;
    this.#at = now;
  }

  /** Time until `amount`, or a full bucket when that is less, is there, ms. */
  waitMs(amount: number, now: number): number {
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
    return Math.max(0, (Math.min(amount, this.#capacity) - this.#level) / this.#perMs);
  }

  take(amount: number): void {
    this.#level -= amount;
  }
}
