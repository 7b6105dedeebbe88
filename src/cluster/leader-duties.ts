import type { Coordinator } from '../coordinator/index.ts';
import { type Clock, errorMessage, type Logger, type NodeId, type NodeRef } from '../core/index.ts';
import { FailureDetector, type FailureDetectorLimits } from './failure-detector.ts';
import type { PlacementPace } from './pacing.ts';
import { lineOf, plan } from './placement.ts';
import type { ClusterMap } from './view.ts';

/** How often the duties look, ms. */
const LOOK_MS = 50;
/** First placement waits until no node has joined for this long, so that a starting cluster spreads at once, ms. */
const SETTLE_MS = 400;
/**
 * Moves for balance wait until no node has come, gone, or changed its state for this long: one that comes and goes again and again
 * isn't sent shards each time, ms.
 */
export const BALANCE_QUIET_MS = 2_000;
/** Hand-overs under way up to which moves for balance begin. */
export const PACE: PlacementPace = { movesMax: 16, movesPerNodeMax: 8 };
/** Only what must be. */
const NECESSARY: PlacementPace = { movesMax: 0, movesPerNodeMax: 0 };

/** What the duties are made of. */
export interface LeaderDutiesParts {
  readonly map: ClusterMap;
  readonly coordinator: Coordinator;
  /** Whether this voter leads now. */
  readonly leading: () => boolean;
  readonly limits: FailureDetectorLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What the leader does for the cluster besides committing: gives silent nodes up, and places shards. Every voter hears the
 * keep-alives, so that a new leader judges at once.
 */
export class LeaderDuties {
  readonly #parts: LeaderDutiesParts;
  readonly #detector: FailureDetector;
  readonly #stop: (() => void)[] = [];
  #joinedAt = 0;
  /** When a node last changed, monotonic ms. */
  #changedAt = 0;
  #busy = false;
  /** Whether the last plan found nothing to do, and nothing has changed since. */
  #planned = false;

  constructor(parts: LeaderDutiesParts) {
    this.#parts = parts;
    this.#detector = new FailureDetector(parts.limits);
    const timer = parts.clock.repeat(LOOK_MS, () => this.#look());
    this.#stop.push(() => timer.cancel());
    this.#stop.push(
      parts.map.onChange((change) => {
        this.#planned = false;
        if (change.nodes.length > 0) this.#changedAt = parts.clock.monotonic();
        if (change.nodes.some((node) => node.state === 'up')) this.#joinedAt = parts.clock.monotonic();
        this.#look();
      }),
    );
  }

  /** A keep-alive arrived. */
  heard(node: NodeRef): void {
    this.#detector.heard(node, this.#parts.clock.monotonic());
  }

  /** The connection over which a node is heard broke. */
  suspect(node: NodeId): void {
    const { map, clock } = this.#parts;
    const record = map.node(node);
    if (record !== undefined) this.#detector.suspect(record, clock.monotonic());
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  #look(): void {
    const { map, clock, leading } = this.#parts;
    const alive = map.nodes().filter((node) => node.state !== 'down' && node.state !== 'left');
    const dead = this.#detector.check(alive, clock.monotonic());
    if (!leading() || this.#busy) return;
    this.#busy = true;
    void this.#act(dead)
      .catch((error) => this.#parts.logger.debug('leader duty not done', { error: errorMessage(error) }))
      .finally(() => {
        this.#busy = false;
      });
  }

  async #act(dead: readonly NodeRef[]): Promise<void> {
    const { coordinator, logger, map, clock, limits } = this.#parts;
    for (const node of dead) {
      const reason = `silent for ${limits.timeoutMs} ms, or ${limits.suspectMs} ms after its connection broke`;
      logger.warn('node given up', { node: node.node, incarnation: node.incarnation, reason });
      await coordinator.execute('node.down', { node: node.node, incarnation: node.incarnation, reason });
    }
    if (this.#planned) return;
    const now = clock.monotonic();
    const settled = now - this.#joinedAt >= SETTLE_MS;
    const quiet = now - this.#changedAt >= BALANCE_QUIET_MS;
    const { moves } = plan({
      nodes: map.nodes(),
      groups: map.groups(),
      shard: (group, shard) => map.shard({ group, shard }),
      pace: quiet ? PACE : NECESSARY,
    });
    const due = moves.filter((move) => settled || move.epoch > 0);
    // Planning costs hosts times shards: it is not done again for a cluster at rest.
    if (due.length === 0) this.#planned = quiet;
    else await coordinator.execute('shards.place', { moves: due.map(lineOf) });
  }
}
