import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DRAIN_MARGIN_MS, Drain, plan } from '../../../src/cluster/index.ts';
import type { DrainAccount } from '../../../src/coordinator/index.ts';
import { nullLogger, nullTracer, TroupeError } from '../../../src/core/index.ts';
import { decodePayload } from '../../../src/wire/index.ts';
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
  leaving.tenant.onRelease = () => {
    releasedAt ||= bench.clock.monotonic();
  };
  other = await bench.joinMoving('n2');
  await bench.place([0, 1, 2, 3], leaving);
  steps = [];
  stayed = 0;
  releasedAt = 0;
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

/** A third node has told an agent of the leaving one something that takes so long to come, ms. */
async function tellsLate(delayMs: number): Promise<void> {
  const sender = await bench.joinMoving('n3');
  const say = (value: string): void => void sender.router.send({ kind: 'kind', key: 'a' }, tell('a', value));
  say('early');
  await bench.until(() => leaving.tenant.delivered.length === 1);
  bench.network.delayMs = delayMs;
  say('late');
  await bench.clock.settle();
  bench.network.delayMs = 0;
}

let stayed: number;
/** When the first shard was released, monotonic ms. */
let releasedAt: number;

function begin(deadlineMs: number, node = leaving): Drain {
  const { self, map, handover, coordinator, links, actors } = node;
  const parts = {
    self,
    map,
    handover,
    coordinator,
    links,
    actors,
    transferLeadership: () => transferLeadership(),
    onStay: () => void stayed++,
    clock: bench.clock,
    logger: nullLogger,
    tracer: nullTracer,
  };
  return new Drain(parts, { reason: 'test', deadlineMs });
}

async function start(deadlineMs: number): Promise<DrainAccount> {
  return (await begin(deadlineMs).account) as DrainAccount;
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

  test('doesn’t leave with a shard that came just before and that its view doesn’t have yet', async () => {
    const late = await bench.joinMoving('n3');
    late.stopWatch();
    const fences = [{ group: 'kind', shard: 0, epoch: 1 }];
    await bench.settle(leaving.coordinator.execute('shards.transfer', { fences, to: late.self }));
    const owners: unknown[] = [];
    other.map.onChange(({ shards }) => owners.push(...shards.map(({ owner }) => owner?.node)));
    leaderPlaces();
    const { account } = begin(15_000, late);
    await bench.clock.advance(1_000);
    expect(other.map.node('n3')?.state).toBe('draining');
    late.coordinator.watch((delivery) => late.map.accept(delivery));
    await bench.settle(account);
    await bench.settled();
    expect(other.map.node('n3')?.state).toBe('left');
    expect(owners).not.toContain(undefined);
  });

  test('asks turns to end a margin before the deadline, and shards to be gone before it', async () => {
    leaderPlaces();
    const startedAt = bench.clock.monotonic();
    await bench.settle(start(15_000));
    for (const { stepsUntilMs } of leaving.tenant.released) {
      expect(stepsUntilMs).toBeGreaterThan(startedAt + 15_000 - DRAIN_MARGIN_MS);
      expect(stepsUntilMs).toBeLessThan(startedAt + 15_000);
    }
  });

  test('keeps no more than a third of a short deadline as its margin', async () => {
    leaderPlaces();
    const startedAt = bench.clock.monotonic();
    leaving.tenant.turn = 10_000;
    await bench.settle(start(3_000));
    expect(releasedAt - startedAt).toBeGreaterThanOrEqual(2_000);
    expect(releasedAt - startedAt).toBeLessThan(2_200);
    expect(leaving.tenant.paused).toEqual([]);
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

  test('waits for what was sent to it before its shards went, and sends it after them', async () => {
    leaderPlaces();
    await tellsLate(1_500);
    const startedAt = bench.clock.monotonic();
    await bench.settle(start(15_000));
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(1_700);
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
    expect(other.tenant.delivered.map(({ payload }) => decodePayload(payload))).toEqual(['late']);
  });

  test.each([
    ['until their next nodes have taken over', 700, 60_000, 700],
    ['no longer than they may take', 60_000, 60_000, 5_000],
    ['no longer than there is time', 60_000, 3_000, 2_700],
  ])('goes on relaying for agents that have left: %s', async (_what, takenOverMs, deadlineMs, leavesMs) => {
    leaderPlaces();
    const startedAt = bench.clock.monotonic();
    leaving.tenant.relays = () => (bench.clock.monotonic() - startedAt < takenOverMs ? 1 : 0);
    await bench.settle(start(deadlineMs));
    const tookMs = bench.clock.monotonic() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(leavesMs);
    expect(tookMs).toBeLessThan(leavesMs + 250);
  });

  test('waits for that no longer than there is time, also when it is hurried', async () => {
    leaderPlaces();
    await tellsLate(4_000);
    const startedAt = bench.clock.monotonic();
    const drain = begin(60_000);
    await bench.clock.advance(1_000);
    expect(leaving.map.shards().some(({ owner }) => owner?.node === 'n1')).toBe(false);
    drain.hurry({ reason: 'sooner', deadlineMs: 1_000 });
    await bench.settle(drain.account);
    expect(bench.clock.monotonic() - startedAt).toBeLessThanOrEqual(2_000);
  });

  test('takes a deadline with fractions of a millisecond', async () => {
    leaderPlaces();
    await bench.settle(start(14_999.7));
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
  });
});

describe('a drain that is hurried', () => {
  test('ends turns and leaves by the new deadline; one that is later changes nothing', async () => {
    leaderPlaces();
    leaving.tenant.turn = 100_000;
    const startedAt = bench.clock.monotonic();
    const drain = begin(60_000);
    await bench.clock.advance(1_000);
    drain.hurry({ reason: 'sooner', deadlineMs: 3_000 });
    drain.hurry({ reason: 'no sooner', deadlineMs: 30_000 });
    await bench.settle(drain.account);
    const heldMs = releasedAt - startedAt;
    expect(heldMs).toBeGreaterThanOrEqual(3_000);
    expect(heldMs).toBeLessThan(3_300);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(4_000);
    await bench.settled();
    expect(other.map.node('n1')).toMatchObject({ state: 'left' });
    expect(other.map.shards().every(({ owner }) => owner?.node === 'n2')).toBe(true);
  });

  test('past its time already, leaves at once what it still has to its journals', async () => {
    leaving.tenant.turn = 100_000;
    const drain = begin(60_000);
    await bench.clock.advance(1_000);
    drain.hurry({ reason: 'gone', deadlineMs: 0 });
    const startedAt = bench.clock.monotonic();
    await bench.settle(drain.account);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(1_500);
    await bench.settled();
    expect(other.map.node('n1')?.state).toBe('left');
  });
});

describe('a drain that is taken back', () => {
  test('keeps what hasn’t moved: the node is up, no shard is asked for any more, and its turns have no deadline', async () => {
    leaderPlaces();
    leaving.tenant.turn = 100_000;
    const drain = begin(5_000);
    await bench.until(() => leaving.map.shards().every(({ target }) => target !== undefined));
    drain.takeBack();
    expect(await bench.settle(drain.account)).toBeUndefined();
    expect(stayed).toBe(1);
    await bench.clock.advance(10_000);
    expect(leaving.tenant.released).toEqual([]);
    expect(other.map.node('n1')).toMatchObject({ state: 'up' });
    expect(other.map.shards().map(({ owner, target }) => [owner?.node, target])).toEqual(
      Array.from({ length: 4 }, () => ['n1', undefined]),
    );
    leaving.tenant.turn = 0;
    const again = begin(5_000);
    expect(await bench.settle(again.account)).toMatchObject({ agents: 0 });
  });

  test('and wanted again before the ledger knew, goes on, with the new deadline', async () => {
    leaderPlaces();
    leaving.tenant.turn = 100_000;
    const drain = begin(5_000);
    await bench.until(() => leaving.map.shards().every(({ target }) => target !== undefined));
    bench.ledger.shared.hold();
    drain.takeBack();
    await bench.clock.advance(100);
    const startedAt = bench.clock.monotonic();
    drain.hurry({ reason: 'after all', deadlineMs: 9_000 });
    bench.ledger.shared.release();
    expect(await bench.settle(drain.account)).toBeDefined();
    expect(releasedAt - startedAt).toBeGreaterThan(5_500);
    await bench.settled();
    expect([stayed, other.map.node('n1')?.state]).toEqual([0, 'left']);
    expect(other.map.shards().every(({ owner }) => owner?.node === 'n2')).toBe(true);
  });

  test('tells the ledger until it knows', async () => {
    leaving.tenant.turn = 100_000;
    const drain = begin(600_000);
    await bench.until(() => other.map.node('n1')?.state === 'draining');
    bench.ledger.shared.hold();
    drain.takeBack();
    await bench.clock.advance(40_000);
    expect([stayed, other.map.node('n1')?.state]).toEqual([0, 'draining']);
    bench.ledger.shared.release();
    expect(await bench.settle(drain.account)).toBeUndefined();
    await bench.settled();
    expect([stayed, other.map.node('n1')?.state]).toEqual([1, 'up']);
  });
});
