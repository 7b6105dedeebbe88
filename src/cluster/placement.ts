import type { GroupSpec, Labels, NodeRecord, ShardRecord } from '../coordinator/index.ts';
import type { NodeRef } from '../core/index.ts';

/** One line of a plan: give a shard an owner, or ask its owner to hand it over. Without `to` a pending request is taken back. */
export interface Move {
  readonly group: string;
  readonly shard: number;
  readonly epoch: number;
  readonly to?: NodeRef;
}

/** What a plan is made from. */
export interface PlacementInput {
  readonly nodes: readonly NodeRecord[];
  readonly groups: readonly GroupSpec[];
  /** Shards by group and number; one that is missing was never owned. */
  shard(group: string, shard: number): ShardRecord | undefined;
  /** Moves for balance allowed to be open at a time. 0 makes no moves but the necessary ones. */
  readonly balancingMovesMax: number;
}

/** Share by which a node may exceed its fair number of shards. */
const LOAD_SLACK = 1.25;

/**
 * Where shards should go: rendezvous hashing (Thaler and Ravishankar, 1998) with bounded load (Mirrokni, Thorup and Zadimoghaddam,
 * 2018), so that few shards move when a node comes or goes. Necessary moves (ownerless shards, leaving owners) come
 * always; moves for balance only up to the limit. Pure.
 */
export function plan(input: PlacementInput): Move[] {
  const alive = new Map(
    input.nodes.filter((node) => node.state !== 'down' && node.state !== 'left').map((n) => [n.node, n]),
  );
  const moves: Move[] = [];
  const balancing: Move[] = [];
  let open = 0;
  for (const group of input.groups) {
    const hosts = eligible(group, input.nodes);
    const homes = assign(group, hosts);
    for (let number = 0; number < group.shards; number++) {
      const shard = input.shard(group.group, number);
      const epoch = shard?.epoch ?? 0;
      const owner = living(shard?.owner, alive);
      const target = living(shard?.target, alive);
      const home = homes[number];
      const to = home === undefined ? undefined : { node: home.node, incarnation: home.incarnation };
      const line = { group: group.group, shard: number, epoch };
      if (owner === undefined) {
        if (to !== undefined) moves.push({ ...line, to });
        continue;
      }
      const mustLeave = owner.state === 'draining';
      const targetFits = target !== undefined && target.state === 'up' && target.node !== owner.node;
      if (mustLeave) {
        if (!targetFits && to !== undefined) moves.push({ ...line, to });
      } else if (shard?.target !== undefined) {
        if (targetFits) open++;
        else moves.push(line);
      } else if (owner.state === 'up' && to !== undefined && to.node !== owner.node) {
        balancing.push({ ...line, to });
      }
    }
  }
  return moves.concat(balancing.slice(0, Math.max(0, input.balancingMovesMax - open)));
}

function living(ref: NodeRef | undefined, alive: ReadonlyMap<string, NodeRecord>): NodeRecord | undefined {
  if (ref === undefined) return undefined;
  const record = alive.get(ref.node);
  return record?.incarnation === ref.incarnation ? record : undefined;
}

/** Nodes that may host a group: up, declaring it, with the required labels; of these the preferred, and not the avoided, if any. */
export function eligible(group: GroupSpec, nodes: readonly NodeRecord[]): NodeRecord[] {
  const { require, prefer, avoid } = group.placement;
  const able = nodes.filter((n) => n.state === 'up' && n.groups.includes(group.group) && matches(n.labels, require));
  const wanted = avoid === undefined ? able : some(able, (n) => !matches(n.labels, avoid));
  return prefer === undefined ? wanted : some(wanted, (n) => matches(n.labels, prefer));
}

function some(nodes: NodeRecord[], test: (node: NodeRecord) => boolean): NodeRecord[] {
  const chosen = nodes.filter(test);
  return chosen.length === 0 ? nodes : chosen;
}

function matches(labels: Labels, wanted: Labels | undefined): boolean {
  return wanted === undefined || Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** Home of each shard: the best-ranked host that isn't full. */
function assign(group: GroupSpec, hosts: readonly NodeRecord[]): (NodeRecord | undefined)[] {
  if (hosts.length === 0) return new Array(group.shards).fill(undefined);
  const most = Math.ceil((group.shards / hosts.length) * LOAD_SLACK);
  const load = new Map<string, number>();
  const homes: (NodeRecord | undefined)[] = [];
  for (let shard = 0; shard < group.shards; shard++) {
    let best: NodeRecord | undefined;
    let bestScore = -1;
    for (const host of hosts) {
      if ((load.get(host.node) ?? 0) >= most) continue;
      const score = rank(`${group.group}:${shard}`, host.node);
      if (score > bestScore) [best, bestScore] = [host, score];
    }
    if (best !== undefined) load.set(best.node, (load.get(best.node) ?? 0) + 1);
    homes.push(best);
  }
  return homes;
}

/** Rendezvous score of a (shard, node) pair: FNV-1a over both, finished with murmur3's mixer. */
function rank(shard: string, node: string): number {
  let hash = 0x811c9dc5;
  const text = `${shard}|${node}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
