import { expect } from 'vitest';
import { type Move, type PlacementPace, type Plan, plan } from '../../../src/cluster/index.ts';
import type { GroupSpec, Labels, NodeRecord, PlacementRule, ShardRecord } from '../../../src/coordinator/index.ts';

/** A pace that holds nothing up. */
export const AT_ONCE: PlacementPace = { movesMax: 1e6, movesPerNodeMax: 1e6 };
/** A pace that begins nothing for balance. */
export const NEVER: PlacementPace = { movesMax: 0, movesPerNodeMax: 0 };

export function group(name: string, shards: number, placement: PlacementRule = {}): GroupSpec {
  return { group: name, shards, placement };
}

/** Nodes and shards as a ledger would have them, which plans are applied to. */
export class World {
  nodes: NodeRecord[] = [];
  readonly shards: Map<string, ShardRecord> = new Map();
  readonly groups: GroupSpec[];
  #lives = 0;

  constructor(groups: readonly GroupSpec[]) {
    this.groups = [...groups];
  }

  /** A new life of a node; one before it is over. */
  join(name: string, labels: Labels = {}, weight?: number, groups = this.groups.map(({ group }) => group)): void {
    this.end(name);
    const addresses = { control: '', data: '', api: '' };
    const life = { node: name, incarnation: ++this.#lives, state: 'up', addresses, labels, voter: false } as const;
    this.nodes = this.nodes.filter(({ node }) => node !== name);
    this.nodes.push({ ...life, groups, ...(weight === undefined ? {} : { weight }) });
  }

  mark(name: string, state: NodeRecord['state']): void {
    this.nodes = this.nodes.map((node) => (node.node === name ? { ...node, state } : node));
    if (state === 'down' || state === 'left') this.#release(name);
    else if (state !== 'up') this.#release(name, true);
  }

  end(name: string): void {
    if (this.nodes.some(({ node }) => node === name)) this.mark(name, 'down');
  }

  /** As the ledger does when a life is over, or (with `keepOwned`) takes no more. */
  #release(name: string, keepOwned = false): void {
    for (const [key, { owner, target, ...shard }] of this.shards) {
      if (!keepOwned && owner?.node === name) this.shards.set(key, shard);
      else if (target?.node === name) this.shards.set(key, owner === undefined ? shard : { ...shard, owner });
    }
  }

  plan(pace: PlacementPace = AT_ONCE): Plan {
    return plan({
      nodes: this.nodes,
      groups: this.groups,
      shard: (group, shard) => this.shards.get(`${group}:${shard}`),
      pace,
    });
  }

  /** What the ledger does with the lines of a plan: an owned shard gets a target, a free one its owner. */
  place(moves: readonly Move[]): void {
    for (const { group, shard, epoch, to } of moves) {
      const key = `${group}:${shard}`;
      const known = this.shards.get(key) ?? { group, shard, epoch: 0 };
      expect(epoch).toBe(known.epoch);
      const { target: _, ...rest } = known;
      if (to === undefined) this.shards.set(key, rest);
      else if (known.owner === undefined) this.shards.set(key, { group, shard, epoch: epoch + 1, owner: to });
      else this.shards.set(key, { ...rest, target: to });
    }
  }

  /** What owners do: hand over what they were asked for, at most `count` of it. */
  handOver(count = 1e6): void {
    for (const [key, { target, group, shard, epoch }] of this.shards) {
      if (target === undefined || count-- <= 0) continue;
      this.shards.set(key, { group, shard, epoch: epoch + 1, owner: target });
    }
  }

  /** Goes on until nothing is planned. @returns how often a shard changed its owner */
  settle(pace: PlacementPace = AT_ONCE): number {
    let moved = 0;
    for (let round = 0; round < 10_000; round++) {
      const { moves, underWay } = this.plan(pace);
      if (moves.length === 0 && underWay.length === 0) return moved;
      moved += moves.length;
      this.place(moves);
      this.handOver();
    }
    return expect.unreachable('a plan that never ends');
  }

  owners(group: string): (string | undefined)[] {
    const { shards } = this.groups.find((spec) => spec.group === group) as GroupSpec;
    return Array.from({ length: shards }, (_, i) => this.shards.get(`${group}:${i}`)?.owner?.node);
  }

  /** Shards of a group, or of all, by owner. */
  loads(...groups: readonly string[]): Map<string | undefined, number> {
    const names = groups.length > 0 ? groups : this.groups.map(({ group }) => group);
    const owners = names.flatMap((name) => this.owners(name));
    return new Map([...Map.groupBy(owners, (owner) => owner)].map(([owner, { length }]) => [owner, length]));
  }
}
