import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DRAIN_MARGIN_MS, type DrainParts, drain, plan } from '../../../src/cluster/index.ts';
import type { DrainAccount } from '../../../src/coordinator/index.ts';
import { nullLogger, nullTracer, TroupeError } from '../../../src/core/index.ts';
import { Bench, type MovingNode, tell } from './bench.ts';

let bench: Bench;
let leaving: MovingNode;
let other: MovingNode;
/** What happened, in order. */
let steps: string[];
let transferLeadership: () => Promise<void>;

beforeEach(async () => {
  bench = await Bench.start();
  leaving = await bench.joinMoving('n1');
  other = await bench.joinMoving('n2');
  await bench.place([0, 1, 2, 3], leaving);
  steps = [];
  transferLeadership = async () => void steps.push('leadership');
  other.map.onChange(({ nodes, shards }) => {
    for (const { node, state } of nodes) steps.push(`${node} ${state}`);
    for (const { shard, owner } of shards) if (owner?.node === 'n2') steps.push(`shard ${shard}`);
  });
});
afterEach(() => bench.close());

/** What the leader does: gives the shards of draining nodes targets. */
function leaderPlaces(): void {
  const { map, coordinator } = other;
  other.map.onChange(() => {
    const shard = (group: string, number: number) => map.shard({ group, shard: number });
    const { moves } = plan({
      nodes: map.nodes(),
      groups: map.groups(),
      shard,
      pace: { movesMax: 0, movesPerNodeMax: 0 },
    });
    if (moves.length > 0) void coordinator.execute('shards.place', { moves });
  });
}

function start(deadlineMs: number): Promise<DrainAccount> {
  const { self, map, handover, coordinator, links, actors } = leaving;
  const parts: DrainParts = {
    self,
    map,
    handover,
    coordinator,
    links,
    actors,
    transferLeadership: () => transferLeadership(),
    clock: bench.clock,
    logger: nullLogger,
    tracer: nullTracer,
  };
  return drain(parts, { reason: 'test', deadlineMs });
}

describe('a drain', () => {
  test('marks the node, hands leadership over first, then every shard, then leaves with its account', async () => {
    leaderPlaces();
    leaving.tenant.agents.set('kind:1', [
      { key: 'a', messages: [tell('a', 1), tell('a', 2)] },
      { key: 'b', messages: [] },
    ]);
    const account = await bench.settle(start(15_000));
    expect(steps[0]).toBe('n1 draining');
    expect(steps.indexOf('leadership')).toBeLessThan(steps.indexOf('shard 0'));
    await bench.settled();
    expect(steps.at(-1)).toBe('n1 left');
    const shards = steps.filter((step) => step.startsWith('shard'));
    expect(shards.toSorted()).toEqual(['shard 0', 'shard 1', 'shard 2', 'shard 3']);
    expect(account).toMatchObject({ agents: 2, messages: 2 });
    expect(account.pauseMsP99).toBeGreaterThanOrEqual(account.pauseMsP50);
    expect(account.drainMs).toBeLessThan(1_000);
    expect(other.map.node('n1')).toMatchObject({ state: 'left', account });
  });

  test('asks turns to end a margin before the deadline, and shards to be gone before it', async () => {
    leaderPlaces();
    const startedAt = bench.clock.monotonic();
    await bench.settle(start(15_000));
    for (const { turnsUntilMs, stepsUntilMs } of leaving.tenant.released) {
      expect(turnsUntilMs).toBe(startedAt + 15_000 - DRAIN_MARGIN_MS);
      expect(stepsUntilMs).toBeGreaterThan(turnsUntilMs);
      expect(stepsUntilMs).toBeLessThan(startedAt + 15_000);
    }
  });

  test('keeps no more than a third of a short deadline as its margin', async () => {
    leaderPlaces();
    const startedAt = bench.clock.monotonic();
    await bench.settle(start(3_000));
    expect(leaving.tenant.released[0]?.turnsUntilMs).toBe(startedAt + 2_000);
  });

  test('leaves in time with what it could not move; that is ownerless then', async () => {
    const startedAt = bench.clock.monotonic();
    const account = await bench.settle(start(4_000));
    expect(bench.clock.monotonic() - startedAt).toBeLessThanOrEqual(4_000);
    expect(account).toMatchObject({ agents: 0, messages: 0, pauseMsP50: 0, pauseMsP99: 0 });
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
    expect(other.map.shards().filter(({ owner }) => owner !== undefined)).toEqual([]);
  });

  test('goes on when leadership can’t be handed over, and when that hangs', async () => {
    leaderPlaces();
    transferLeadership = () => Promise.reject(new TroupeError('NO_QUORUM', 'nobody there'));
    await bench.settle(start(15_000));
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
  });

  test('doesn’t miss its deadline because the hand-over of leadership hangs', async () => {
    leaderPlaces();
    transferLeadership = () => new Promise(() => undefined);
    const account = await bench.settle(start(15_000));
    expect(account.drainMs).toBeLessThan(3_000);
    await bench.settled();
    expect(other.map.shards().every(({ owner }) => owner === undefined || owner.node === 'n2')).toBe(true);
  });

  test('without any time left still says that it leaves, also to a ledger that is slow', async () => {
    bench.ledger.shared.hold();
    const drained = start(0);
    await bench.clock.advance(500);
    bench.ledger.shared.release();
    await bench.settle(drained);
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
  });

  test('takes a deadline with fractions of a millisecond', async () => {
    leaderPlaces();
    await bench.settle(start(14_999.7));
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
  });
});
