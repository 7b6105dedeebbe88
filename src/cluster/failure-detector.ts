import type { NodeRef } from '../core/index.ts';
import { nodeRefKey } from '../core/index.ts';

/** When silence means death. */
export interface FailureDetectorLimits {
  /** Silence after which a node is given up, ms. Sensible: 5 to 10 keep-alive periods. */
  readonly timeoutMs: number;
  /**
   * A gap in the detector's own checks longer than this means that the detector slept, not the others: everyone gets a
   * fresh grace. Sensible: half of `timeoutMs`.
   */
  readonly ownPauseMs: number;
}

/**
 * Fixed time-out failure detector over keep-alives. It only decides; the ledger makes its verdict true by refusing the dead
 * node's epoch, so a wrong verdict costs a restart and never a double commit.
 */
export class FailureDetector {
  readonly #limits: FailureDetectorLimits;
  readonly #heard: Map<string, number> = new Map();
  #checkedAt: number | undefined;

  constructor(limits: FailureDetectorLimits) {
    this.#limits = limits;
  }

  /** A keep-alive of `node` arrived at `nowMs` (monotonic). */
  heard(node: NodeRef, nowMs: number): void {
    this.#heard.set(nodeRefKey(node), nowMs);
  }

  /**
   * Who of `expected` has been silent for too long. A node never heard of gets its first grace now; one no longer expected is
   * forgotten, so that memory is bounded by the cluster's size.
   */
  check(expected: readonly NodeRef[], nowMs: number): NodeRef[] {
    const slept = this.#checkedAt !== undefined && nowMs - this.#checkedAt > this.#limits.ownPauseMs;
    this.#checkedAt = nowMs;
    const keys = new Set(expected.map(nodeRefKey));
    for (const key of this.#heard.keys()) if (!keys.has(key)) this.#heard.delete(key);
    const dead: NodeRef[] = [];
    for (const node of expected) {
      const key = nodeRefKey(node);
      const last = this.#heard.get(key);
      if (last === undefined || slept) this.#heard.set(key, nowMs);
      else if (nowMs - last > this.#limits.timeoutMs) dead.push(node);
    }
    return dead;
  }
}
