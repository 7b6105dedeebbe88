import type { Random } from '../../src/core/index.ts';
import type { Moment } from './worker.ts';

const MOMENTS: readonly Moment[] = ['before', 'after', 'recovering'];

/**
 * What befalls one agent. Each try of a step is struck with the same probability: before its effect, after it and before its record, or
 * twice, the second time while the agent finds out what the first has left.
 */
export class Fate {
  readonly #random: Random;
  readonly #probability: number;
  #after = false;
  #recovering = false;

  /** @param probability that a try of a step is struck, 0 to below 1 */
  constructor(random: Random, probability: number) {
    this.#random = random;
    this.#probability = probability;
  }

  /** Whether its process is to be killed at the point that it has reached. */
  strikes(moment: Moment): boolean {
    if (moment === 'recovering') {
      const struck = this.#recovering;
      this.#recovering = false;
      return struck;
    }
    if (moment === 'after') {
      const struck = this.#after;
      this.#after = false;
      return struck;
    }
    if (this.#random.next() >= this.#probability) return false;
    const which = MOMENTS[this.#random.int(0, MOMENTS.length)];
    this.#recovering = which === 'recovering';
    this.#after = which === 'after' || (this.#recovering && this.#random.next() < 0.5);
    return !this.#after;
  }
}
