import { afterEach, expect, test } from 'vitest';
import { CopyAhead, plan } from '../../../src/cluster/index.ts';
import { nullLogger } from '../../../src/core/index.ts';
import { Bench } from './bench.ts';

let bench: Bench;
afterEach(() => bench.close());

test('a node that is cordoned copies its shards’ large states to where the leader then sends them, and one that isn’t copies nothing', async () => {
  bench = await Bench.start();
  const from = await bench.joinMoving('n1');
  await bench.joinMoving('n2');
  const last = await bench.joinMoving('n3');
  await bench.place([0, 1, 2], from);
  await bench.place([3], last);
  const { self, map, tenant, coordinator } = from;
  const ahead = new CopyAhead({ self, map, tenant, clock: bench.clock, logger: nullLogger });
  await bench.clock.advance(11_000);
  expect(tenant.prepared).toEqual([]);
  await bench.settle(coordinator.execute('node.mark', { ...self, state: 'cordoned' }));
  await bench.clock.advance(5_100);
  const copied = tenant.prepared.slice(0, 3);
  expect(copied).toHaveLength(3);
  await bench.settle(coordinator.execute('node.mark', { ...self, state: 'draining', drainMs: 9_000 }));
  await bench.settled();
  const shard = (group: string, number: number) => map.shard({ group, shard: number });
  const pace = { movesMax: 0, movesPerNodeMax: 0 };
  const { moves } = plan({ nodes: map.nodes(), groups: map.groups(), shard, pace });
  expect(copied.toSorted()).toEqual(moves.map((move) => `kind:${move.shard} ${move.to?.node}`).toSorted());
  ahead.close();
  tenant.prepared.length = 0;
  await bench.clock.advance(11_000);
  expect(tenant.prepared).toEqual([]);
});
