import type { Coordinator, DrainAccount } from '../coordinator/index.ts';
import {
  type Clock,
  delay,
  errorMessage,
  type Logger,
  type NodeRef,
  settlesWithin,
  type Tracer,
  traced,
} from '../core/index.ts';
import type { Links } from '../remote/index.ts';
import type { NodeActors } from './actors/node-actors.ts';
import type { Handover } from './handover.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Part of the deadline kept for leaving: running turns end this long before it, ms. Default of the design. */
export const DRAIN_MARGIN_MS = 5_000;
/** Time for what was forwarded and answered to reach its receivers, before the others are told that this node is gone, ms. */
const FLUSH_MS = 1_000;
/** Time for actors that aren't agents to stop: they don't move, they end here, ms. */
const STOP_MS = 300;
/** Longest that the hand-over of leadership holds the drain up, ms. */
const LEADERSHIP_MS = 2_000;
/** Least time that a word to the ledger gets, however late it is, ms: a notice may come with no time left. */
const SAY_MS_MIN = 1_000;
/** Part of the deadline kept for saying that this node leaves, ms. */
const LEAVE_MS = 1_000;
/** How often emptiness is looked at, ms. */
const LOOK_MS = 10;

/** What a drain is made of. */
export interface DrainParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly handover: Handover;
  readonly coordinator: Coordinator;
  readonly links: Links;
  readonly actors: Pick<NodeActors, 'stop'>;
  /** Hands Raft leadership over when this node leads. */
  readonly transferLeadership: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** Why and how fast. */
export interface DrainOptions {
  readonly reason: string;
  /** Time until the machine is gone, ms from now. */
  readonly deadlineMs: number;
  readonly traceparent?: string | undefined;
}

/**
 * Leaves on purpose, inside a deadline: the ledger marks the node draining, leadership goes first, then every shard, most
 * valuable first. What isn't moved in time is left to its journals. The node is `left` when this resolves.
 */
export function drain(parts: DrainParts, options: DrainOptions): Promise<DrainAccount> {
  const attributes = {
    'troupe.node': parts.self.node,
    'troupe.reason': options.reason,
    'troupe.deadline_ms': options.deadlineMs,
  };
  return traced(parts.tracer, 'node.drain', { root: true, parent: options.traceparent, attributes }, (span) =>
    run(parts, options, span.traceparent),
  );
}

async function run(parts: DrainParts, options: DrainOptions, traceparent: string | undefined): Promise<DrainAccount> {
  const { self, map, handover, coordinator, clock, logger } = parts;
  const { reason } = options;
  // The ledger counts in whole milliseconds.
  const deadlineMs = Math.floor(options.deadlineMs);
  const startedAt = clock.monotonic();
  const turnsUntil = startedAt + deadlineMs - Math.min(DRAIN_MARGIN_MS, deadlineMs / 3);
  const movesUntil = startedAt + deadlineMs - Math.min(LEAVE_MS, deadlineMs / 10);
  const leftMs = (until: number): number => Math.max(SAY_MS_MIN, until - clock.monotonic());
  const moved = handover.drain(turnsUntil, (turnsUntil + movesUntil) / 2, traceparent);
  const mark = { ...self, state: 'draining', drainMs: deadlineMs, reason } as const;
  await coordinator.execute('node.mark', mark, { timeoutMs: leftMs(turnsUntil) });
  // Leadership first; a transfer that fails or hangs costs the others an election, not the drain.
  const gone = await settlesWithin(clock, LEADERSHIP_MS, parts.transferLeadership()).catch(errorMessage);
  if (gone !== true) logger.warn('leadership not handed over', { error: gone || `not within ${LEADERSHIP_MS} ms` });
  const owned = (): number => map.shards().filter((shard) => sameNode(shard.owner, self)).length;
  while ((owned() > 0 || handover.moving > 0) && clock.monotonic() < movesUntil) await delay(clock, LOOK_MS);
  handover.close();
  const left = owned();
  if (left > 0) logger.warn('drain ran out of time', { shardsLeft: left });
  const pauses = moved.pausesMs.toSorted((a, b) => a - b);
  const account: DrainAccount = {
    agents: moved.agents,
    messages: moved.messages,
    drainMs: Math.round(clock.monotonic() - startedAt),
    pauseMsP50: Math.round(quantile(pauses, 0.5)),
    pauseMsP99: Math.round(quantile(pauses, 0.99)),
  };
  await parts.actors.stop(STOP_MS);
  await parts.links.flush(FLUSH_MS);
  await coordinator.execute('node.leave', { ...self, account }, { timeoutMs: leftMs(startedAt + deadlineMs) });
  logger.info('drained', { ...account, reason });
  return account;
}

/** Nearest-rank quantile of ascending numbers; 0 for none. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
