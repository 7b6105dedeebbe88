import type { NodeRef } from '../core/index.ts';
import { nodeRefKey } from '../core/index.ts';

/** When silence means death. */
export interface FailureDetectorLimits {
  /** Silence after which a node is given up, ms. Sensible: 5 to 10 keep-alive periods. */
  readonly timeoutMs: number;
  /**
   * As `timeoutMs`, counted from the moment the node's connection broke: the socket of a dead process breaks at once, and a living
   * one dials again within milliseconds. Sensible: 3 keep-alive periods.
   */
  readonly suspectMs: number;
  /**
   * A gap in the detector's own checks longer than this means that the detector slept, not the others: everyone gets a
   * fresh grace. Sensible: half of `timeoutMs`.
   */
  readonly ownPauseMs: number;
}

interface LastWord {
  readonly atMs: number;
  /** Silence from then on that means death, ms. */
  readonly limitMs: number;
}

/**
 * Fixed time-out failure detector over keep-alives. It only decides; the ledger makes its verdict true by refusing the dead
 * node's epoch, so a wrong verdict costs a restart and never a double commit.
 */
export class FailureDetector {
  readonly #limits: FailureDetectorLimits;
  readonly #heard: Map<string, LastWord> = new Map();
  #checkedAt: number | undefined;

  constructor(limits: FailureDetectorLimits) {
    this.#limits = limits;
  }

  /** A keep-alive of `node` arrived at `nowMs` (monotonic). */
  heard(node: NodeRef, nowMs: number): void {
    this.#heard.set(nodeRefKey(node), { atMs: nowMs, limitMs: this.#limits.timeoutMs });
  }

  /** The connection over which `node` is heard broke at `nowMs`; its next keep-alive clears it. */
  suspect(node: NodeRef, nowMs: number): void {
    const last = this.#heard.get(nodeRefKey(node));
    if (last?.limitMs !== this.#limits.timeoutMs) return;
    this.#heard.set(nodeRefKey(node), { atMs: nowMs, limitMs: this.#limits.suspectMs });
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
      if (last === undefined || slept) this.heard(node, nowMs);
      else if (nowMs - last.atMs > last.limitMs) dead.push(node);
    }
    return dead;
  }
}
