import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eligible } from '../../../src/cluster/index.ts';
import type { GroupSpec, Labels, PlacementRule } from '../../../src/coordinator/index.ts';
import { group, World } from './placement-world.ts';

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}-[0-9]{1,3}$/), { minLength: 1, maxLength: 12 });
const weights: fc.Arbitrary<number> = fc.constantFrom(0.5, 1, 1, 2, 3.7, 8);
const labels: fc.Arbitrary<Labels> = fc.record(
  { capacity: fc.constantFrom('spot', 'on-demand'), zone: fc.constantFrom('a', 'b'), gpu: fc.constant('yes') },
  { requiredKeys: [] },
);
const rules: fc.Arbitrary<PlacementRule> = fc.record(
  { require: labels, prefer: labels, avoid: labels },
  { requiredKeys: [] },
);

/** A settled world of one group, its nodes with weights. */
const settled = (weight: fc.Arbitrary<number>, minNodes = 1): fc.Arbitrary<World> =>
  fc
    .record({
      shards: fc.integer({ min: 1, max: 128 }),
      nodes: names.filter(({ length }) => length >= minNodes),
      weights: fc.array(weight, { minLength: 12, maxLength: 12 }),
    })
    .map(({ shards, nodes, weights }) => {
      const world = new World([group('g', shards)]);
      for (const [i, node] of nodes.entries()) world.join(node, {}, weights[i]);
      world.settle();
      return world;
    });

function expectFair(world: World): void {
  const up = world.nodes.filter(({ state }) => state === 'up');
  const all = up.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const loads = world.loads('g');
  expect(loads.has(undefined)).toBe(false);
  for (const { node, weight = 1 } of up) {
    const fair = (world.owners('g').length * weight) / all;
    expect(loads.get(node) ?? 0).toBeGreaterThanOrEqual(Math.floor(fair + 1e-6));
    expect(loads.get(node) ?? 0).toBeLessThanOrEqual(Math.ceil(fair - 1e-6));
  }
}

/** However slowly it goes, no more moves than at once. */
const SLOW = { movesMax: 3, movesPerNodeMax: 1 };

function changed(world: World, act: () => void): { moved: number; before: (string | undefined)[] } {
  const before = world.owners('g');
  act();
  world.settle(SLOW);
  return { moved: world.owners('g').filter((owner, i) => owner !== before[i]).length, before };
}

describe('a settled group', () => {
  test('gives each host its part by weight, rounded up or down, and nothing moves any more', () => {
    fc.assert(
      fc.property(settled(weights), (world) => {
        expectFair(world);
        expect(world.plan().moves).toEqual([]);
      }),
    );
  });

  test('is placed so at once: nothing that was placed is moved for balance', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 128 }), (nodes, shards) => {
        const world = new World([group('g', shards)]);
        for (const node of nodes) world.join(node);
        const { moves } = world.plan();
        expect(moves.every(({ reason }) => reason === 'ownerless')).toBe(true);
        world.place(moves);
        expect(world.plan().moves).toEqual([]);
      }),
    );
  });

  test('gives a newcomer its part and moves nothing else, when hosts weigh the same', () => {
    fc.assert(
      fc.property(settled(fc.constant(1)), (world) => {
        const { moved, before } = changed(world, () => world.join('late'));
        expect(moved).toBeLessThanOrEqual(Math.ceil(before.length / world.nodes.length));
        expect(world.owners('g').every((owner, i) => owner === before[i] || owner === 'late')).toBe(true);
        expectFair(world);
      }),
    );
  });

  test('gives a newcomer its part by weight and moves at most one more for each host', () => {
    fc.assert(
      fc.property(settled(weights), weights, (world, weight) => {
        const all = world.nodes.reduce((sum, node) => sum + (node.weight ?? 1), weight);
        const { moved, before } = changed(world, () => world.join('late', {}, weight));
        expect(moved).toBeLessThanOrEqual(Math.ceil((before.length * weight) / all) + world.nodes.length);
        expectFair(world);
      }),
    );
  });

  test('moves only what a leaver had, when hosts weigh the same, and at most one more for each host when they don’t', () => {
    for (const [weight, slack] of [[fc.constant(1), 0] as const, [weights, 1] as const]) {
      fc.assert(
        fc.property(settled(weight, 2), fc.nat(), fc.boolean(), (world, which, warned) => {
          const { node } = world.nodes[which % world.nodes.length] as { node: string };
          const had = world.loads('g').get(node) ?? 0;
          const { moved } = changed(world, () => world.mark(node, warned ? 'draining' : 'down'));
          expect(moved).toBeGreaterThanOrEqual(had);
          expect(moved).toBeLessThanOrEqual(had + slack * (world.nodes.length - 1));
          expectFair(world);
        }),
      );
    }
  });

  test('is the same whatever the order in which its nodes are listed', () => {
    fc.assert(
      fc.property(settled(weights), (world) => {
        world.join('late', {}, 2);
        const { moves } = world.plan();
        world.nodes.reverse();
        expect(world.plan().moves).toEqual(moves);
      }),
    );
  });
});

type Story =
  | { readonly do: 'join'; readonly node: string; readonly labels: Labels; readonly weight: number }
  | { readonly do: 'mark'; readonly node: string; readonly state: 'up' | 'cordoned' | 'draining' | 'down' | 'left' }
  | { readonly do: 'lead'; readonly count: number }
  | { readonly do: 'hand over'; readonly count: number };

const someNode = fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5');
const events: fc.Arbitrary<Story> = fc.oneof(
  fc.record({ do: fc.constant('join' as const), node: someNode, labels, weight: weights }),
  fc.record({
    do: fc.constant('mark' as const),
    node: someNode,
    state: fc.constantFrom('up' as const, 'cordoned' as const, 'draining' as const, 'down' as const, 'left' as const),
  }),
  fc.record({ do: fc.constant('lead' as const), count: fc.constant(0) }),
  fc.record({ do: fc.constant('hand over' as const), count: fc.integer({ min: 1, max: 20 }) }),
);
const groups: fc.Arbitrary<GroupSpec[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 24 }), rules), { minLength: 1, maxLength: 4 })
  .map((list) => list.map(([shards, rule], i) => group(`g${i}`, shards, rule)));
const pace = { movesMax: 6, movesPerNodeMax: 3 };

describe('whatever happens to the nodes', () => {
  test('no move breaks what a group requires, a better host is always taken, and in the end all is at rest, as far as nodes allow', () => {
    fc.assert(
      fc.property(groups, fc.array(events, { maxLength: 40 }), (specs, story) => {
        const world = new World(specs);
        const lead = (): number => {
          const planned = world.plan(pace);
          for (const move of planned.moves) {
            if (move.to === undefined) continue;
            const spec = specs.find((each) => each.group === move.group) as GroupSpec;
            expect(eligible(spec, world.nodes).map(({ node }) => node)).toContain(move.to.node);
          }
          world.place(planned.moves);
          return planned.moves.length + planned.underWay.length;
        };
        for (const event of story) {
          if (event.do === 'join') world.join(event.node, event.labels, event.weight);
          else if (event.do === 'lead') lead();
          else if (event.do === 'hand over') world.handOver(event.count);
          else {
            const now = world.nodes.find(({ node }) => node === event.node)?.state;
            if (now !== undefined && now !== 'down' && now !== 'left') world.mark(event.node, event.state);
          }
        }
        // Each turn of the loop ends some moves; the longest way is every shard twice.
        for (let turns = 0; lead() > 0; turns++) {
          expect(turns).toBeLessThan(400);
          world.handOver(2);
        }
        for (const spec of specs) {
          const hosts = eligible(spec, world.nodes);
          const state = new Map(world.nodes.map(({ node, state }) => [node, state]));
          for (const owner of world.owners(spec.group)) {
            if (hosts.length === 0) expect(owner === undefined || state.get(owner) !== 'down').toBe(true);
            else if (owner === undefined || state.get(owner) !== 'cordoned')
              expect(hosts.map(({ node }) => node)).toContain(owner);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('nodes of the same weight have about the same of all groups together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        fc.array(someNode, { minLength: 5, maxLength: 20 }),
        (shards, restarts) => {
          const world = new World(shards.map((count, i) => group(`g${i}`, count)));
          for (const node of ['n1', 'n2', 'n3', 'n4', 'n5']) world.join(node);
          for (const node of restarts) {
            world.join(node);
            world.settle();
          }
          const fair = shards.reduce((sum, count) => sum + count, 0) / 5;
          for (const [node, load] of world.loads()) {
            expect(node).toBeDefined();
            expect(load).toBeLessThanOrEqual(Math.max(fair * 1.25, fair + 4));
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
