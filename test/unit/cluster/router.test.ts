import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentTarget, askerName, askerOf, ClusterMap, Router } from '../../../src/cluster/index.ts';
import type { ShardRecord } from '../../../src/coordinator/index.ts';
import { nullLogger, shardOf } from '../../../src/core/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { decodePayload } from '../../../src/wire/index.ts';
import { Bench, type BenchNode, GROUP, tell } from './bench.ts';

let bench: Bench;
let one: BenchNode;
let two: BenchNode;
let three: BenchNode;
/** What was delivered: `n2 5`. */
let delivered: string[];
const KEY = 'key';
const SHARD = { group: 'kind', shard: shardOf(KEY, GROUP.shards) };

beforeEach(async () => {
  bench = await Bench.start();
  one = await bench.join('n1');
  two = await bench.join('n2');
  three = await bench.join('n3');
  delivered = [];
  for (const node of [one, two, three]) attach(node);
});
afterEach(() => bench.close());

function attach(node: BenchNode, adopt: (shard: ShardRecord) => void = () => undefined): void {
  node.router.attach({
    deliver: (address, shard, envelope) => {
      expect(address).toEqual({ kind: 'kind', key: KEY });
      expect(shard).toEqual(SHARD);
      delivered.push(`${node.self.node} ${decodePayload(envelope.payload)}`);
    },
    adopt,
  });
}

/** Hands the shard over in the ledger, with nothing but the line to care for order. */
async function transfer(from: BenchNode, to: BenchNode): Promise<void> {
  from.router.line(SHARD).freeze();
  const fence = { ...SHARD, epoch: from.map.shard(SHARD)?.epoch ?? 0 };
  await bench.settle(from.coordinator.execute('shards.transfer', { fences: [fence], to: to.self }));
}

const send = (node: BenchNode, value: unknown): void =>
  void node.router.send({ kind: 'kind', key: KEY }, tell(KEY, value));

describe('the router', () => {
  test('of a node that has seen nothing of the cluster yet keeps what comes until it has, in order', async () => {
    await bench.place([SHARD.shard], three);
    const map = new ClusterMap();
    const { clock } = bench;
    const router = new Router({ ...three, map, clock, logger: nullLogger, bury: () => undefined });
    attach({ ...three, router });
    for (const value of [1, 2]) send(one, value);
    await clock.advance(2_000);
    expect(delivered).toEqual([]);
    map.accept({ type: 'view', view: await bench.settle(one.coordinator.query('cluster.view', {})) });
    send(one, 3);
    await bench.until(() => delivered.length === 3);
    expect(delivered).toEqual(['n3 1', 'n3 2', 'n3 3']);
  });

  test('brings messages to the shard’s owner, from any node', async () => {
    await bench.place([SHARD.shard], two);
    send(one, 'a');
    send(two, 'b');
    await bench.until(() => delivered.length === 2);
    expect(delivered.toSorted()).toEqual(['n2 a', 'n2 b']);
  });

  test('refuses a kind that nobody declared', () => {
    expect(() => one.router.send({ kind: 'unheard-of', key: 'k' }, tell('k', 1))).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_AGENT', address: 'agent:unheard-of/k' }),
    );
  });

  test('keeps order through a move: from the sender’s node, and from the new owner itself', async () => {
    await bench.place([SHARD.shard], two);
    for (let i = 0; i < 5; i++) {
      send(one, `x${i}`);
      send(three, `y${i}`);
    }
    const movedAt = bench.clock.monotonic();
    await transfer(two, three);
    for (let i = 5; i < 10; i++) {
      send(one, `x${i}`);
      send(three, `y${i}`);
    }
    await bench.until(() => delivered.length === 20);
    expect(bench.clock.monotonic() - movedAt).toBeLessThan(500);
    const of = (sender: string): string[] => delivered.map((d) => d.slice(3)).filter((d) => d.startsWith(sender));
    expect(of('x')).toEqual(Array.from({ length: 10 }, (_, i) => `x${i}`));
    expect(of('y')).toEqual(Array.from({ length: 10 }, (_, i) => `y${i}`));
  });

  test('goes on after five seconds when a marker is lost with a node on its way', async () => {
    await bench.place([SHARD.shard], two);
    send(one, 'first');
    await bench.until(() => delivered.length === 1);
    // Node 2 hears no more of the ledger, so what goes to it is never passed on.
    two.stopWatch();
    await transfer(two, three);
    await bench.until(() => three.map.shard(SHARD)?.owner?.node === 'n3' && one.map.shard(SHARD)?.owner?.node === 'n3');
    send(one, 'second');
    await bench.clock.advance(4_900);
    expect(delivered).toEqual(['n2 first']);
    await bench.clock.advance(200);
    expect(delivered).toEqual(['n2 first', 'n3 second']);
  });

  test('goes on at once when the old owner dies', async () => {
    await bench.place([SHARD.shard], two);
    send(one, 'first');
    await bench.until(() => delivered.length === 1);
    await bench.kill(two);
    send(one, 'second');
    const before = bench.clock.monotonic();
    await bench.place([SHARD.shard], three);
    await bench.until(() => delivered.length === 2);
    expect(delivered[1]).toBe('n3 second');
    expect(bench.clock.monotonic() - before).toBeLessThan(500);
  });

  test('lets the agents take over what came with a shard before anything that waited for it', async () => {
    attach(three, (shard) => delivered.push(`n3 adopts ${shard.epoch}`));
    send(three, 'waits');
    await bench.place([SHARD.shard], three);
    send(one, 'new');
    await bench.until(() => delivered.includes('n3 new'));
    expect(delivered).toEqual(['n3 adopts 1', 'n3 waits', 'n3 new']);
  });

  test('tells an asker when its message is refused, wherever it is', async () => {
    const answered: string[] = [];
    for (const node of [one, two]) {
      const correlation = node.peers.expect(undefined, Number.POSITIVE_INFINITY, (_reply, error) =>
        answered.push(`${node.self.node} ${error?.code}`),
      );
      const envelope: Envelope = {
        ...tell(KEY, 1, 'unheard-of'),
        kind: 'ask',
        correlation,
        from: askerName(node.self),
      };
      one.links.send(two.self, 'user', envelope);
      await bench.until(() => answered.length > 0);
      expect(answered.splice(0)).toEqual([`${node.self.node} UNKNOWN_AGENT`]);
    }
  });

  test('names agents and askers so that they are read back', () => {
    expect(agentTarget({ kind: 'a.b', key: 'x/y' })).toBe('agent:a.b/x/y');
    expect(askerOf({ ...tell('k', 1), from: askerName(one.self) })).toEqual(one.self);
    expect(askerOf(tell('k', 1))).toBeUndefined();
    expect(askerOf({ ...tell('k', 1), from: 'a client' })).toBeUndefined();
  });
});
