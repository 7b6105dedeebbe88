import {
  AgentRuntime,
  type AnyAgent,
  Asks,
  groupsOf,
  type Host,
  nodeHost,
  type ResidencyLimits,
} from '../../../src/agent/index.ts';
import type { Cargo } from '../../../src/cluster/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import {
  type Clock,
  type Logger,
  nullLogger,
  nullTracer,
  type QuotaLimits,
  SeededRandom,
  shardOf,
  type Tracer,
} from '../../../src/core/index.ts';
import { type JournalStore, ledgerStore } from '../../../src/journal/index.ts';
import type { Bench, BenchNode } from '../cluster/bench.ts';

/** A node with agents, on a bench. */
export interface AgentNode extends BenchNode {
  readonly asks: Asks;
  readonly host: Host;
  readonly runtime: AgentRuntime;
  /** Cargo that came for a shard, by `group:number`; handed over when the shard is this node's. */
  readonly staged: Map<string, Cargo>;
}

/** How a node with agents may differ. */
export interface AgentNodeOptions {
  readonly residency?: Partial<ResidencyLimits>;
  readonly recallsMax?: number;
  readonly asksOpen?: QuotaLimits;
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  /** In place of journals in the ledger; nodes share it. */
  readonly store?: JournalStore;
  /** In place of the ledger's own client, e.g. one that fails. */
  readonly coordinator?: (real: Coordinator) => Coordinator;
  /** How far its wall clock is ahead of the bench's, ms. */
  readonly aheadMs?: number;
}

/** Lets a node with agents join a bench. Its shards are placed by the test. */
export async function joinAgents(
  bench: Bench,
  name: string,
  agents: readonly AnyAgent[],
  options: AgentNodeOptions = {},
): Promise<AgentNode> {
  const node = await bench.join(name, groupsOf(agents));
  const { self, map, router, peers, actors } = node;
  const { logger = nullLogger, tracer = nullTracer, residency, recallsMax, aheadMs = 0 } = options;
  const clock = ahead(bench.clock, aheadMs);
  const random = new SeededRandom(self.incarnation);
  const coordinator = options.coordinator?.(node.coordinator) ?? node.coordinator;
  const limits = options.asksOpen;
  const asks = new Asks({ self, map, router, peers, actors, clock, random, tracer, ...(limits && { limits }) });
  const store = options.store ?? ledgerStore(coordinator);
  const host = nodeHost(asks, coordinator, random);
  const staged = new Map<string, Cargo>();
  const parts = { self, agents, map, router, peers, actors, coordinator, store, host, clock, random, logger, tracer };
  const runtime = new AgentRuntime(
    { ...parts, ...(residency && { residency }), ...(recallsMax && { recallsMax }) },
    (shard) => {
      const key = `${shard.group}:${shard.shard}`;
      const cargo = staged.get(key);
      staged.delete(key);
      return cargo;
    },
  );
  router.attach(runtime);
  return { ...node, asks, host, runtime, staged };
}

/** Moves a shard as a drain does: freeze, pause (for `turnsMs` at most), release, ship (what `ship` makes of it), transfer. */
export async function handOver(
  bench: Bench,
  from: AgentNode,
  to: AgentNode,
  group: string,
  shard = 0,
  turnsMs = 5_000,
  ship = (cargo: Cargo): Cargo => cargo,
): Promise<Cargo> {
  const id = { group, shard };
  const epoch = from.map.shard(id)?.epoch ?? 0;
  from.router.line(id).freeze();
  await bench.settle(from.runtime.pause(id, { standMs: turnsMs, waitMs: turnsMs }));
  const cargo = await bench.settle(from.runtime.release(id, bench.clock.monotonic(), to.self));
  to.staged.set(`${group}:${shard}`, ship(cargo));
  await bench.settle(from.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch }], to: to.self }));
  await bench.settled();
  return cargo;
}

/** A key that hashes to a shard. */
export function keyIn(shard: number, shards: number): string {
  for (let i = 0; ; i++) if (shardOf(`key-${i}`, shards) === shard) return `key-${i}`;
}

function ahead(real: Clock, byMs: number): Clock {
  return {
    now: () => real.now() + byMs,
    monotonic: () => real.monotonic(),
    schedule: (delayMs, run) => real.schedule(delayMs, run),
    repeat: (periodMs, run) => real.repeat(periodMs, run),
    yieldThen: (run) => real.yieldThen(run),
  };
}
