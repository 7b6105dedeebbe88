import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BALANCE_QUIET_MS, ClusterMap, LeaderDuties, PACE } from '../../../src/cluster/index.ts';
import type { Coordinator, CoordinatorClient } from '../../../src/coordinator/index.ts';
import { type NodeRef, nullLogger } from '../../../src/core/index.ts';
import { settleWithin, TestCluster } from '../coordinator/cluster.ts';

const GROUP = { group: 'kind', shards: 8, placement: {} };

let ledger: TestCluster;
let client: CoordinatorClient;
let map: ClusterMap;
let duties: LeaderDuties;
let leading: boolean;
/** Names of the commands that the duties gave. */
let commands: string[];
/** Lives that keep alive. */
let living: NodeRef[];

beforeEach(async () => {
  ledger = await TestCluster.start();
  client = ledger.client('a');
  map = new ClusterMap();
  leading = true;
  commands = [];
  living = [];
  const coordinator: Coordinator = {
    execute: (name, request, options) => {
      commands.push(name);
      return client.execute(name, request, options);
    },
    query: (name, request, options) => client.query(name, request, options),
    watch: (listener) => client.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  };
  const limits = { timeoutMs: 1_000, suspectMs: 300, ownPauseMs: 500 };
  duties = new LeaderDuties({
    map,
    coordinator,
    leading: () => leading,
    limits,
    clock: ledger.clock,
    logger: nullLogger,
  });
  client.watch((delivery) => map.accept(delivery));
});
afterEach(() => {
  duties.close();
  ledger.close();
});

async function join(name: string, bootId = name, group = GROUP): Promise<NodeRef> {
  const addresses = { control: '', data: '', api: '' };
  const request = { node: name, bootId, addresses, labels: {}, voter: false, groups: [group] };
  const { incarnation } = await settleWithin(ledger.clock, client.execute('node.join', request));
  const life = { node: name, incarnation };
  living.push(life);
  return life;
}

/** Lets time pass, while those that live keep alive. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    for (const life of living) duties.heard(life);
    await ledger.clock.advance(Math.min(100, left));
  }
}

const owners = (): Set<string | undefined> => new Set(map.shards().map(({ owner }) => owner?.node));

describe('the leader', () => {
  test('places shards for the first time when nobody has joined for a while, so that they spread at once', async () => {
    await join('n1');
    await pass(300);
    await join('n2');
    await pass(300);
    expect(owners()).toEqual(new Set([undefined]));
    await pass(300);
    expect(owners()).toEqual(new Set(['n1', 'n2']));
    expect(map.shards().every(({ epoch }) => epoch === 1)).toBe(true);
  });

  test('gives a silent node up and its shards to the others, without waiting', async () => {
    const n1 = await join('n1');
    await join('n2');
    await pass(1_000);
    living = living.filter((life) => life !== n1);
    await pass(900);
    expect(map.isAlive(n1)).toBe(true);
    await pass(300);
    expect(map.node('n1')).toMatchObject({ state: 'down', reason: expect.stringContaining('silent') });
    expect(owners()).toEqual(new Set(['n2']));
  });

  test('gives a node up sooner when its connection broke', async () => {
    const n1 = await join('n1');
    await join('n2');
    await pass(1_000);
    living = living.filter((life) => life !== n1);
    duties.suspect('n1');
    duties.suspect('nobody');
    await pass(500);
    expect(map.isAlive(n1)).toBe(false);
  });

  const asked = (node: string): number => map.shards().filter(({ target }) => target?.node === node).length;

  test('moves its part to a node that joins late, and that has stayed for a while', async () => {
    await join('n1');
    await pass(1_000);
    await join('n2');
    await pass(BALANCE_QUIET_MS - 100);
    expect(asked('n2')).toBe(0);
    await pass(200);
    expect(asked('n2')).toBe(4);
    expect(owners()).toEqual(new Set(['n1']));
  });

  test('sends no shards to a node that comes and goes all the time', async () => {
    await join('n1');
    await pass(1_000);
    for (let life = 0; life < 5; life++) {
      const n2 = await join('n2', `boot ${life}`);
      await pass(1_500);
      await settleWithin(ledger.clock, client.execute('node.leave', n2));
      living = living.filter((each) => each !== n2);
      await pass(500);
    }
    expect(map.shards().every(({ owner, epoch }) => owner?.node === 'n1' && epoch === 1)).toBe(true);
    expect(commands.filter((name) => name === 'shards.place')).toHaveLength(1);
  });

  test('asks for a few moves at a time', async () => {
    const wide = { ...GROUP, shards: 8 * PACE.movesPerNodeMax };
    await join('n1', 'n1', wide);
    await pass(1_000);
    await join('n2', 'n2', wide);
    await pass(5_000);
    expect(asked('n2')).toBe(PACE.movesPerNodeMax);
  });

  test('gives nothing to do when the cluster is at rest, and acts at the next change', async () => {
    const n1 = await join('n1');
    await pass(1_000);
    commands.length = 0;
    await pass(2_000);
    expect(commands).toEqual([]);
    await join('n2');
    await pass(1_000);
    commands.length = 0;
    await settleWithin(ledger.clock, client.execute('node.mark', { ...n1, state: 'draining', drainMs: 1_000 }));
    await pass(100);
    expect(commands).toContain('shards.place');
    expect(map.shards().every(({ target }) => target?.node === 'n2')).toBe(true);
  });

  test('does nothing while it doesn’t lead, but hears, so that it judges at once when it does', async () => {
    const n1 = await join('n1');
    leading = false;
    const n2 = await join('n2');
    living = [n2];
    await pass(2_000);
    expect(commands).toEqual([]);
    leading = true;
    await pass(100);
    expect(commands).toContain('node.down');
    expect([map.isAlive(n1), map.isAlive(n2)]).toEqual([false, true]);
  });

  test('tries again what the ledger couldn’t be reached for', async () => {
    await join('n1');
    ledger.shared.hold();
    await pass(12_000);
    expect(owners()).toEqual(new Set([undefined]));
    ledger.shared.release();
    await pass(12_000);
    expect(owners()).toEqual(new Set(['n1']));
  });

  test('a new life of a node that restarted gets its shards anew', async () => {
    await join('n1');
    await pass(1_000);
    living = [];
    const again = await join('n1', 'another boot');
    await pass(1_000);
    expect(map.shards().every(({ owner, epoch }) => owner?.incarnation === again.incarnation && epoch === 2)).toBe(
      true,
    );
  });

  test('stops looking when closed', async () => {
    await join('n1');
    duties.close();
    await pass(2_000);
    expect(commands).toEqual([]);
  });
});
