import type { Delivery } from './delivery.ts';

/** Journals that a node reads at a time, unless told otherwise. */
export const RECALLS_MAX = 256;

/**
 * Paces activations: only so many agents of a node read their journals at a time, the others wait in the order in which they came. What
 * else is asked of the ledger meanwhile (writes of agents that are active) waits for few reads, not for all of a storm. An agent that
 * waits keeps its messages in order in its mailbox, so their number is bounded by the agents of the node.
 */
export class Recalls {
  readonly #max: number;
  readonly #waiting: Map<Delivery, () => void> = new Map();
  #under = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Waits until the journal may be read for a message. Whoever is let in calls `done` later.
   * @returns undefined when it may at once
   */
  enter(delivery: Delivery): Promise<void> | undefined {
    if (this.#under < this.#max) {
      this.#under++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.set(delivery, resolve));
  }

  /** A journal was read: the next in line may. */
  done(): void {
    const next = this.#under > this.#max ? undefined : this.#waiting.entries().next().value;
    if (next === undefined) {
      this.#under--;
      return;
    }
    this.#waiting.delete(next[0]);
    next[1]();
  }

  /** Whether a message waits for its turn. */
  waits(delivery: Delivery): boolean {
    return this.#waiting.has(delivery);
  }

  /** A message needn't wait any more, as its agent is being moved: it is let in, past the limit, and sees that. */
  hurry(delivery: Delivery): void {
    const enter = this.#waiting.get(delivery);
    if (enter === undefined) return;
    this.#waiting.delete(delivery);
    this.#under++;
    enter();
  }
}
