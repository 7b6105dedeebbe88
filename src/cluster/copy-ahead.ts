import { type Clock, errorMessage, type Logger, type NodeRef, type Timer } from '../core/index.ts';
import type { ShardTenant } from './handover.ts';
import { plan } from './placement.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** How often what has changed is copied while an advisory notice stands, ms. */
const LOOK_MS = 5_000;

/** What copying ahead takes. */
export interface CopyAheadParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly tenant: Pick<ShardTenant, 'prepare'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * While this node is cordoned, it copies what is large to where its shards would go if it had to leave now: the leader's own plan,
 * made here. A guess that turns out wrong costs a copy.
 */
export class CopyAhead {
  readonly #parts: CopyAheadParts;
  readonly #timer: Timer;
  #busy = false;

  constructor(parts: CopyAheadParts) {
    this.#parts = parts;
    this.#timer = parts.clock.repeat(LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { map, self, logger } = this.#parts;
    if (this.#busy || map.node(self.node)?.state !== 'cordoned') return;
    this.#busy = true;
    void this.#copy()
      .catch((error) => logger.debug('not all is copied ahead', { error: errorMessage(error) }))
      .finally(() => {
        this.#busy = false;
      });
  }

  /** @throws TroupeError when a target takes no more */
  async #copy(): Promise<void> {
    const { map, self, tenant } = this.#parts;
    const nodes = map.nodes().map((node) => (sameNode(node, self) ? { ...node, state: 'draining' as const } : node));
    const { moves } = plan({
      nodes,
      groups: map.groups(),
      shard: (group, shard) => map.shard({ group, shard }),
      pace: { movesMax: 0, movesPerNodeMax: 0 },
    });
    for (const { from, to, group, shard } of moves) {
      if (from === self.node && to !== undefined) await tenant.prepare({ group, shard }, to);
    }
  }
}
