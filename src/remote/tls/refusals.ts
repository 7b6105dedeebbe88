import type { Clock, Logger } from '../../core/index.ts';
import type { Refusal } from './verdict.ts';

/** A peer that keeps trying is told of once in this time, ms. */
const QUIET_MS = 60_000;
/** Refusals remembered; beyond them the oldest may be told again. */
const REMEMBERED_MAX = 100;

/** One line for each peer that is refused, however often it tries. */
export class Refusals {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #told: Map<string, number> = new Map();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * @param peer `host:port` of the other side
   * @param direction who dialled: `from` them, or `to` them
   */
  tell(direction: 'from' | 'to', peer: string, refusal: Refusal): void {
    // Each try of a caller comes from another port.
    const host = direction === 'from' ? peer.slice(0, peer.lastIndexOf(':')) : peer;
    const key = [direction, host, ...Object.values(refusal)].join('|');
    const now = this.#clock.monotonic();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    this.#told.delete(key);
    this.#told.set(key, now);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= REMEMBERED_MAX) break;
      this.#told.delete(oldest);
    }
    this.#logger.warn('peer refused', { code: 'IDENTITY_MISMATCH', direction, peer, ...refusal });
  }
}
