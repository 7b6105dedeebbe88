import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eligible, type Move, plan } from '../../../src/cluster/index.ts';
import type { GroupSpec, Labels, NodeRecord, PlacementRule, ShardRecord } from '../../../src/coordinator/index.ts';

/** Nodes and shards as a ledger would have them, which plans are applied to. */
class World {
  nodes: NodeRecord[] = [];
  readonly shards: Map<string, ShardRecord> = new Map();
  readonly groups: readonly GroupSpec[];
  readonly #limit: number;

  constructor(groups: readonly GroupSpec[], limit = 1_000) {
    this.groups = groups;
    this.#limit = limit;
  }

  join(name: string, labels: Labels = {}, groups = this.groups.map(({ group }) => group)): void {
    const incarnation = this.nodes.length + 1;
    const addresses = { control: '', data: '', api: '' };
    this.nodes.push({ node: name, incarnation, state: 'up', addresses, labels, voter: false, groups });
  }

  mark(name: string, state: NodeRecord['state']): void {
    this.nodes = this.nodes.map((node) => (node.node === name ? { ...node, state } : node));
    if (state !== 'down' && state !== 'left') return;
    for (const [key, { target: _, ...shard }] of this.shards) {
      if (shard.owner?.node === name)
        this.shards.set(key, { group: shard.group, shard: shard.shard, epoch: shard.epoch });
    }
  }

  plan(limit = this.#limit): Move[] {
    return plan({
      nodes: this.nodes,
      groups: this.groups,
      shard: (group, shard) => this.shards.get(`${group}:${shard}`),
      balancingMovesMax: limit,
    });
  }

  /** Does what a plan says, as the ledger and hand-over do: an owned shard gets a target first, then its new owner. */
  apply(moves: readonly Move[], handOver = true): void {
    for (const { group, shard, epoch, to } of moves) {
      const key = `${group}:${shard}`;
      const known = this.shards.get(key) ?? { group, shard, epoch: 0 };
      expect(epoch).toBe(known.epoch);
      if (to === undefined) this.shards.set(key, { ...known, target: undefined } as unknown as ShardRecord);
      else if (known.owner === undefined || handOver)
        this.shards.set(key, { group, shard, epoch: epoch + 1, owner: to });
      else this.shards.set(key, { ...known, target: to });
    }
  }

  settle(): void {
    for (let round = 0; round < 100; round++) {
      const moves = this.plan();
      if (moves.length === 0) return;
      this.apply(moves);
    }
    expect(this.plan()).toEqual([]);
  }

  owners(group: string): (string | undefined)[] {
    const { shards } = this.groups.find((spec) => spec.group === group) as GroupSpec;
    return Array.from({ length: shards }, (_, i) => this.shards.get(`${group}:${i}`)?.owner?.node);
  }
}

const group = (name: string, shards: number, placement: PlacementRule = {}): GroupSpec => ({
  group: name,
  shards,
  placement,
});
const most = (owners: readonly unknown[]): number =>
  Math.max(...[...Map.groupBy(owners, (owner) => owner).values()].map(({ length }) => length));

const worlds = fc
  .record({
    shards: fc.integer({ min: 1, max: 128 }),
    nodes: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}-[0-9]{1,3}$/), { minLength: 1, maxLength: 12 }),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
  })
  .map(({ shards, nodes, name }) => {
    const world = new World([group(name, shards)]);
    for (const node of nodes) world.join(node);
    return { world, name, shards, nodes };
  });

describe('a plan', () => {
  test('gives every shard of a group that has a host a home, and none a host too many', () => {
    fc.assert(
      fc.property(worlds, ({ world, name, shards, nodes }) => {
        world.settle();
        const owners = world.owners(name);
        expect(owners).not.toContain(undefined);
        expect(most(owners)).toBeLessThanOrEqual(Math.ceil((shards / nodes.length) * 1.25));
      }),
    );
  });

  test('is empty when nothing changed', () => {
    fc.assert(
      fc.property(worlds, ({ world }) => {
        world.apply(world.plan());
        expect(world.plan()).toEqual([]);
      }),
    );
  });

  test('moves few shards when a node joins: about its share, and the more so the more nodes there are', () => {
    let moved = 0;
    let fair = 0;
    for (let nodes = 2; nodes <= 10; nodes++) {
      const world = new World([group('g', 64)]);
      for (let i = 0; i < nodes; i++) world.join(`node-${i}`);
      world.settle();
      const before = world.owners('g');
      world.join('late');
      world.settle();
      const count = world.owners('g').filter((owner, i) => owner !== before[i]).length;
      expect(count).toBeLessThanOrEqual(2 * Math.ceil((64 / (nodes + 1)) * 1.25));
      moved += count;
      fair += 64 / (nodes + 1);
    }
    expect(moved).toBeLessThan(1.5 * fair);
  });

  test('moves few more than a lost node’s own shards', () => {
    for (let nodes = 3; nodes <= 10; nodes++) {
      const world = new World([group('g', 64)]);
      for (let i = 0; i < nodes; i++) world.join(`node-${i}`);
      world.settle();
      const before = world.owners('g');
      world.mark('node-1', 'down');
      world.settle();
      const extra = world.owners('g').filter((owner, i) => owner !== before[i] && before[i] !== 'node-1').length;
      expect(world.owners('g')).not.toContain('node-1');
      expect(extra).toBeLessThanOrEqual(Math.ceil((64 / nodes) * 1.25));
    }
  });

  test('places only on nodes that are up, host the group and have the labels it requires', () => {
    const world = new World([group('gpu', 16, { require: { gpu: 'yes' } }), group('any', 16)]);
    world.join('plain');
    world.join('fast', { gpu: 'yes' });
    world.join('fast-cordoned', { gpu: 'yes' });
    world.join('fast-other', { gpu: 'yes' }, ['any']);
    world.mark('fast-cordoned', 'cordoned');
    world.settle();
    expect(new Set(world.owners('gpu'))).toEqual(new Set(['fast']));
    expect(new Set(world.owners('any'))).toEqual(new Set(['plain', 'fast', 'fast-other']));
  });

  test('leaves a shard without a home when no node has what it requires', () => {
    const world = new World([group('gpu', 4, { require: { gpu: 'yes' } })]);
    world.join('plain');
    expect(world.plan()).toEqual([]);
  });

  test('respects what a group prefers and avoids, as far as there are such nodes', () => {
    const spot = { capacity: 'spot' };
    const steady = { capacity: 'on-demand' };
    const nodes = (...labels: Labels[]): NodeRecord[] => {
      const world = new World([group('g', 1)]);
      for (const [i, label] of labels.entries()) world.join(`n${i}`, label);
      return world.nodes;
    };
    const hosts = (rule: PlacementRule, ...labels: Labels[]): string[] =>
      eligible(group('g', 1, rule), nodes(...labels)).map(({ node }) => node);
    expect(hosts({ prefer: spot }, spot, steady, spot)).toEqual(['n0', 'n2']);
    expect(hosts({ prefer: spot }, steady, steady)).toEqual(['n0', 'n1']);
    expect(hosts({ avoid: spot }, spot, steady)).toEqual(['n1']);
    expect(hosts({ avoid: spot }, spot, spot)).toEqual(['n0', 'n1']);
    expect(
      hosts({ avoid: spot, prefer: { zone: 'a' } }, { ...spot, zone: 'a' }, steady, { ...steady, zone: 'a' }),
    ).toEqual(['n2']);
    expect(hosts({ require: steady, prefer: spot }, spot, steady)).toEqual(['n1']);
  });

  test('asks a draining owner for all its shards at once, and not again while a target stands', () => {
    const world = new World([group('g', 32)], 0);
    for (const name of ['a', 'b', 'c']) world.join(name);
    world.settle();
    const leaving = world.owners('g').filter((owner) => owner === 'b').length;
    world.mark('b', 'draining');
    const moves = world.plan();
    expect(moves).toHaveLength(leaving);
    for (const { to } of moves) expect(['a', 'c']).toContain(to?.node);
    world.apply(moves, false);
    expect(world.plan()).toEqual([]);
  });

  test('names another target when the one of a draining owner is gone', () => {
    const world = new World([group('g', 8)], 0);
    for (const name of ['a', 'b', 'c']) world.join(name);
    world.settle();
    world.mark('b', 'draining');
    world.apply(world.plan(), false);
    const toC = [...world.shards.values()].filter(({ target }) => target?.node === 'c').length;
    world.mark('c', 'cordoned');
    const again = world.plan();
    expect(again).toHaveLength(toC);
    for (const { to } of again) expect(to?.node).toBe('a');
  });

  test('leaves a cordoned owner its shards, and gives it no more', () => {
    const world = new World([group('g', 16)]);
    world.join('a');
    world.join('b');
    world.settle();
    world.mark('b', 'cordoned');
    expect(world.plan()).toEqual([]);
    world.mark('a', 'down');
    expect(world.plan()).toEqual([]);
  });

  test('never has more moves for balance open than the limit, whichever shards they are', () => {
    fc.assert(
      fc.property(worlds, fc.integer({ min: 0, max: 8 }), ({ world }, limit) => {
        world.settle();
        world.join('late');
        const opened = world.plan(3);
        world.apply(opened.reverse().slice(0, 2), false);
        const more = world.plan(limit);
        const open = [...world.shards.values()].filter(({ target }) => target !== undefined).length;
        expect(more.length + Math.min(open, limit)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('takes a request for balance back when its target can’t take the shard any more', () => {
    const world = new World([group('g', 8)], 8);
    world.join('a');
    world.settle();
    world.join('b');
    const opened = world.plan();
    world.apply(opened, false);
    world.mark('b', 'cordoned');
    expect(world.plan()).toEqual(opened.map(({ group: g, shard, epoch }) => ({ group: g, shard, epoch })));
  });

  test('gives a new life of a node nothing of the old one’s for granted', () => {
    const world = new World([group('g', 4)]);
    world.join('a');
    world.settle();
    world.nodes = world.nodes.map((node) => ({ ...node, incarnation: 99 }));
    expect(world.plan().map(({ to }) => to)).toEqual(new Array(4).fill({ node: 'a', incarnation: 99 }));
  });
});
