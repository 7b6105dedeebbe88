import type { Coordinator, DrainAccount } from '../coordinator/index.ts';
import { type Clock, errorMessage, type Logger, type NodeRef, type Tracer, traced } from '../core/index.ts';
import type { Links } from '../remote/index.ts';
import type { Handover } from './handover.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Part of the deadline kept for leaving: running turns end this long before it, ms. Default of the design. */
export const DRAIN_MARGIN_MS = 5_000;
/** Time for what was forwarded and answered to reach its receivers, before the others are told that this node is gone, ms. */
const FLUSH_MS = 1_000;
/** How often emptiness is looked at, ms. */
const LOOK_MS = 10;

/** What a drain is made of. */
export interface DrainParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly handover: Handover;
  readonly coordinator: Coordinator;
  readonly links: Links;
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
  return traced(parts.tracer, 'node.drain', { root: true, parent: options.traceparent, attributes }, async (span) => {
    parts.handover.traceparent = span.traceparent;
    return run(parts, options);
  });
}

async function run(parts: DrainParts, options: DrainOptions): Promise<DrainAccount> {
  const { self, map, handover, coordinator, clock, logger } = parts;
  const startedAt = clock.monotonic();
  const stopAt = startedAt + options.deadlineMs - Math.min(DRAIN_MARGIN_MS, options.deadlineMs / 3);
  handover.turnsUntilMs = stopAt;
  await coordinator.execute(
    'node.mark',
    { ...self, state: 'draining', drainMs: options.deadlineMs, reason: options.reason },
    { timeoutMs: options.deadlineMs },
  );
  // Leadership first; a failed transfer costs the others an election, not the drain.
  await parts
    .transferLeadership()
    .catch((error) => logger.warn('leadership not handed over', { error: errorMessage(error) }));
  const owned = (): number => map.shards().filter((shard) => sameNode(shard.owner, self)).length;
  while ((owned() > 0 || handover.moving > 0) && clock.monotonic() < stopAt) {
    await new Promise<void>((resolve) => clock.schedule(LOOK_MS, resolve));
  }
  handover.close();
  const left = owned();
  if (left > 0) logger.warn('drain ran out of time', { shardsLeft: left });
  const pauses = handover.moved.pausesMs.toSorted((a, b) => a - b);
  const account: DrainAccount = {
    agents: handover.moved.agents,
    messages: handover.moved.messages,
    drainMs: Math.round(clock.monotonic() - startedAt),
    pauseMsP50: Math.round(quantile(pauses, 0.5)),
    pauseMsP99: Math.round(quantile(pauses, 0.99)),
  };
  await parts.links.flush(FLUSH_MS);
  await coordinator.execute('node.leave', { ...self, account }, { timeoutMs: options.deadlineMs });
  logger.info('drained', { ...account, reason: options.reason });
  return account;
}

/** Nearest-rank quantile of ascending numbers; 0 for none. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
