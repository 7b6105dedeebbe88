import { describe, expect, test } from 'vitest';
import { ClusterMap, type ViewChange } from '../../../src/cluster/index.ts';
import { LEDGER_LIMITS, type LedgerEvent, type NodeRecord, type ShardRecord } from '../../../src/coordinator/index.ts';

const node = (name: string, incarnation: number, state: NodeRecord['state'] = 'up'): NodeRecord => ({
  node: name,
  incarnation,
  state,
  addresses: { control: '', data: '', api: '' },
  labels: {},
  voter: false,
  groups: ['g'],
});
const shard = (number: number, epoch: number, owner?: NodeRecord, target?: NodeRecord): ShardRecord => ({
  group: 'g',
  shard: number,
  epoch,
  ...(owner === undefined ? {} : { owner: { node: owner.node, incarnation: owner.incarnation } }),
  ...(target === undefined ? {} : { target: { node: target.node, incarnation: target.incarnation } }),
});

function setup(): { map: ClusterMap; changes: ViewChange[]; tell: (...events: Partial<LedgerEvent>[]) => void } {
  const map = new ClusterMap();
  const changes: ViewChange[] = [];
  map.onChange((change) => changes.push(change));
  let index = 0;
  const tell = (...events: Partial<LedgerEvent>[]): void => {
    index++;
    map.accept({
      type: 'events',
      index,
      events: events.map((e) => ({ index, term: 1, time: 0, ...e }) as LedgerEvent),
    });
  };
  return { map, changes, tell };
}
const view = (index: number, nodes: NodeRecord[], shards: ShardRecord[] = []) =>
  ({ type: 'view', view: { index, nodes, groups: [{ group: 'g', shards: 2, placement: {} }], shards } }) as const;

describe('the map of the cluster', () => {
  test('follows events: nodes, groups, shards, and the index they reflect', () => {
    const { map, changes, tell } = setup();
    const a = node('a', 1);
    tell({ type: 'group', group: { group: 'g', shards: 2, placement: {} } }, { type: 'node', node: a });
    tell({ type: 'shards', shards: [shard(1, 3, a)] });
    expect(map.index).toBe(2);
    expect(map.isAlive(a)).toBe(true);
    expect(map.shard({ group: 'g', shard: 1 })).toEqual(shard(1, 3, a));
    expect(map.shards()).toEqual([shard(1, 3, a)]);
    expect(map.shardOf('g', 'key')?.shard).toBeLessThan(2);
    expect(map.shardOf('unheard-of', 'key')).toBeUndefined();
    expect(changes).toEqual([
      { nodes: [a], shards: [] },
      { nodes: [], shards: [shard(1, 3, a)] },
    ]);
  });

  test('tells listeners only of what differs, each record of a delivery in its order', () => {
    const { map, changes, tell } = setup();
    const a = node('a', 1);
    map.accept(view(5, [a], [shard(0, 1, a)]));
    map.accept(view(6, [a], [shard(0, 1, a)]));
    expect(changes).toHaveLength(1);
    tell({ type: 'shards', shards: [shard(0, 1, a, node('b', 2))] });
    tell({ type: 'shards', shards: [shard(0, 2, node('b', 2))] }, { type: 'shards', shards: [shard(0, 3, a)] });
    expect(changes.slice(1).map((change) => change.shards.map(({ epoch }) => epoch))).toEqual([[1], [2, 3]]);
  });

  test('a new life of a node ends the one before, also when the ledger’s word on that was missed', () => {
    const { map, changes, tell } = setup();
    tell({ type: 'node', node: node('a', 1) });
    tell({ type: 'node', node: node('a', 7) });
    expect(map.isAlive({ node: 'a', incarnation: 1 })).toBe(false);
    expect(map.isAlive({ node: 'a', incarnation: 7 })).toBe(true);
    expect(changes[1]?.nodes.map(({ incarnation, state }) => [incarnation, state])).toEqual([
      [1, 'down'],
      [7, 'up'],
    ]);
    tell({ type: 'node', node: node('a', 1, 'down') });
    expect(map.node('a')).toMatchObject({ incarnation: 7, state: 'up' });
  });

  test('a view replaces: a node that it lacks is over, and listeners hear that', () => {
    const { map, changes } = setup();
    map.accept(view(1, [node('a', 1), node('b', 2)]));
    map.accept(view(9, [node('a', 1)]));
    expect(map.node('b')).toBeUndefined();
    expect(map.isAlive({ node: 'b', incarnation: 2 })).toBe(false);
    expect(changes[1]?.nodes).toMatchObject([{ node: 'b', incarnation: 2, state: 'down' }]);
  });

  test('counts a node that drains or is cordoned as alive, one that left or is down as over', () => {
    const { map, tell } = setup();
    const a = { node: 'a', incarnation: 1 };
    for (const [state, alive] of [
      ['up', true],
      ['cordoned', true],
      ['draining', true],
      ['left', false],
    ] as const) {
      tell({ type: 'node', node: node('a', 1, state) });
      expect([state, map.isAlive(a)]).toEqual([state, alive]);
    }
  });

  test('keeps the newest facts of a node also when its state is the same', () => {
    const { map, tell } = setup();
    tell({ type: 'node', node: node('a', 1, 'draining') });
    tell({ type: 'node', node: { ...node('a', 1, 'draining'), drainBy: 77 } });
    expect(map.node('a')?.drainBy).toBe(77);
  });

  test('forgets nodes that are gone, the longest gone first, beyond what the ledger keeps', () => {
    const { map, tell } = setup();
    tell({ type: 'node', node: node('stays', 1) });
    for (let i = 0; i < LEDGER_LIMITS.nodesGoneMax + 3; i++) {
      tell({ type: 'node', node: node(`n${i}`, i + 2) });
      tell({ type: 'node', node: node(`n${i}`, i + 2, 'down') });
    }
    expect(map.nodes()).toHaveLength(LEDGER_LIMITS.nodesGoneMax + 1);
    expect(map.isAlive({ node: 'stays', incarnation: 1 })).toBe(true);
    expect(map.node('n2')).toBeUndefined();
    expect(map.node('n3')).toBeDefined();
  });

  test('stops telling a listener that has ended', () => {
    const { map, tell } = setup();
    let heard = 0;
    const stop = map.onChange(() => heard++);
    tell({ type: 'node', node: node('a', 1) });
    stop();
    tell({ type: 'node', node: node('a', 1, 'down') });
    expect(heard).toBe(1);
  });
});
