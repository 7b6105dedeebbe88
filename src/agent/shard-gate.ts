import type { PauseLimits } from '../cluster/index.ts';
import type { Clock, Timer } from '../core/index.ts';

/**
 * Holds the turns of a shard back while it is about to move: those that run go on to their end or to their next step, and no other begins.
 * What is behind a step is recorded: a turn that is moved from there runs again behind it.
 */
export class ShardGate {
  readonly #clock: Clock;
  #closed: PromiseWithResolvers<void> | undefined;
  /** Those that have begun and go on. */
  readonly #running: Set<object> = new Set();
  /** Since when somebody stands still, monotonic ms. */
  #sinceMs: number | undefined;
  #limits: PauseLimits | undefined;
  #timer: Timer | undefined;
  #settle: (quiet: boolean) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For whoever is about to begin a turn or a step. @returns undefined when it may; else what resolves when it may, or is to give up */
  enter(): Promise<void> | undefined {
    if (this.#closed === undefined) return undefined;
    if (this.#sinceMs === undefined) {
      this.#sinceMs = this.#clock.monotonic();
      this.#limit(this.#limits?.standMs ?? 0);
    }
    return this.#closed.promise;
  }

  /**
   * Nothing begins from now on.
   *
   * @param running deliveries whose turns have begun
   * @returns once none of them goes on: how long somebody has stood still for that, ms; undefined when it takes too long
   */
  close(running: Iterable<object>, limits: PauseLimits): Promise<number | undefined> {
    this.#closed ??= Promise.withResolvers();
    for (const delivery of running) this.#running.add(delivery);
    if (this.#running.size === 0) return Promise.resolve(0);
    this.#limits = limits;
    return new Promise((resolve) => {
      this.#settle = (quiet) => {
        this.#timer?.cancel();
        const now = this.#clock.monotonic();
        resolve(quiet ? now - (this.#sinceMs ?? now) : undefined);
      };
      this.#limit(limits.waitMs);
    });
  }

  /** A turn has ended, or stands before its next step with none under way. */
  rests(delivery: object): void {
    if (this.#running.delete(delivery) && this.#running.size === 0) this.#settle(true);
  }

  /** Whoever waits looks whether its turn is still wanted here. */
  open(): void {
    this.#timer?.cancel();
    this.#closed?.resolve();
    this.#closed = undefined;
    this.#sinceMs = undefined;
    this.#running.clear();
  }

  #limit(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#running.size === 0 ? undefined : this.#clock.schedule(ms, () => this.#settle(false));
  }
}
