import type { NodeId } from '../core/index.ts';

/** How many hand-overs may be under way while moves for balance begin. */
export interface PlacementPace {
  /** In the whole cluster. */
  readonly movesMax: number;
  /** From or to any one node. */
  readonly movesPerNodeMax: number;
}

/** Counts hand-overs under way, so that those for balance begin a few at a time and wait for a drain to end. */
export class Pacing {
  readonly #pace: PlacementPace;
  readonly #byNode: Map<NodeId, number> = new Map();
  #all = 0;

  constructor(pace: PlacementPace) {
    this.#pace = pace;
  }

  /** A hand-over is under way, or begins. */
  begin(from: NodeId, to: NodeId): void {
    this.#all++;
    for (const node of [from, to]) this.#byNode.set(node, this.#of(node) + 1);
  }

  /** Whether one more for balance may begin. */
  allows(from: NodeId, to: NodeId): boolean {
    const { movesMax, movesPerNodeMax } = this.#pace;
    return this.#all < movesMax && this.#of(from) < movesPerNodeMax && this.#of(to) < movesPerNodeMax;
  }

  #of(node: NodeId): number {
    return this.#byNode.get(node) ?? 0;
  }
}
