import { type PlannedMove, plan } from '../cluster/index.ts';
import type { ClusterView, Labels, NodeRecord, ShardRecord } from '../coordinator/index.ts';
import { shardKey, TroupeError } from '../core/index.ts';
import type { PlannedMove as MoveMessage, PlannedMove__Output } from '../wire/generated/troupe/v1/PlannedMove.ts';
import type { PlanPlacementReply, PlanPlacementReply__Output } from '../wire/generated/troupe/v1/PlanPlacementReply.ts';

/** Imagined nodes in one request. */
const IMAGINED_MAX = 1_000;
/** All moves are shown, not the few that may begin together. */
const AT_ONCE = { movesMax: Number.POSITIVE_INFINITY, movesPerNodeMax: Number.POSITIVE_INFINITY };

/** A node that isn't there. */
export interface ImaginedNode {
  readonly id: string;
  readonly labels?: Labels;
  /** Capacity weight. Default 1. */
  readonly weight?: number;
}

/** What a plan is asked for. */
export interface PlanQuestion {
  /** Ids of nodes, as if they were draining. */
  readonly without: readonly string[];
  /** Nodes as if they were there, able to host every kind. */
  readonly with: readonly ImaginedNode[];
}

/** A shard that would move, or is moving. */
export interface ShardMove {
  readonly kind: string;
  readonly shard: number;
  /** Absent when it has no owner. */
  readonly from?: string;
  /** Absent when a move that was asked for is taken back. */
  readonly to?: string;
  /** A `MoveReason`; empty while the move is under way. */
  readonly reason: string;
  readonly why: string;
}

/** What would move, and where everything would be then. */
export interface PlacementPlan {
  readonly index: number;
  readonly moves: readonly ShardMove[];
  readonly underWay: readonly ShardMove[];
  readonly homeless: readonly { readonly kind: string; readonly shards: number; readonly why: string }[];
  readonly nodes: readonly { readonly id: string; readonly shardsNow: number; readonly shardsThen: number }[];
}

/**
 * Plans on a view, or on what it would be.
 * @throws TroupeError NOT_FOUND for a node that isn't there to leave, INVALID_ARGUMENT
 */
export function planOn(view: ClusterView, question: PlanQuestion): PlanPlacementReply {
  const shards = new Map(view.shards.map((shard) => [shardKey(shard), shard]));
  const nodes = imagine(view, question);
  const planned = plan({
    nodes,
    groups: view.groups,
    shard: (group, shard) => shards.get(shardKey({ group, shard })),
    pace: AT_ONCE,
  });
  const counts = new Map(nodes.filter(isThere).map(({ node }) => [node, { id: node, shardsNow: 0, shardsThen: 0 }]));
  const homes = new Map(planned.moves.map((move) => [shardKey(move), move.to ?? { node: move.from ?? '' }]));
  for (const [key, { owner, target }] of shards) {
    const now = counts.get(owner?.node ?? '');
    const then = counts.get((homes.get(key) ?? target ?? owner)?.node ?? '');
    if (now !== undefined) now.shardsNow++;
    if (then !== undefined) then.shardsThen++;
  }
  return {
    index: view.index,
    moves: planned.moves.map(toMove),
    underWay: planned.underWay.map(toUnderWay),
    homeless: planned.homeless.map(({ group, ...rest }) => ({ kind: group, ...rest })),
    nodes: [...counts.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function imagine({ nodes, groups }: ClusterView, { without, with: added }: PlanQuestion): NodeRecord[] {
  if (added.length > IMAGINED_MAX) throw new TroupeError('INVALID_ARGUMENT', `at most ${IMAGINED_MAX} imagined nodes`);
  const known = new Map(nodes.map((node) => [node.node, node]));
  for (const id of without) {
    const node = known.get(id);
    if (node === undefined || !isThere(node)) {
      throw new TroupeError('NOT_FOUND', `there is no node "${id}"`, { address: id });
    }
    known.set(id, { ...node, state: 'draining' });
  }
  const imagined = {
    incarnation: 0,
    state: 'up',
    addresses: { control: '', data: '', api: '' },
    voter: false,
    groups: groups.map(({ group }) => group),
  } as const;
  for (const { id, labels = {}, weight = 1 } of added) {
    if (id === '' || !(weight >= 0))
      throw new TroupeError('INVALID_ARGUMENT', 'a node needs an id and a weight from 0');
    known.set(id, { ...imagined, node: id, labels, weight });
  }
  return [...known.values()];
}

function isThere({ state }: NodeRecord): boolean {
  return state !== 'down' && state !== 'left';
}

function toMove({ group, shard, from, to, reason, why }: PlannedMove): MoveMessage {
  const ends = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to: to.node }) };
  return { kind: group, shard, ...ends, reason, why };
}

function toUnderWay({ group, shard, owner, target }: ShardRecord): MoveMessage {
  return { kind: group, shard, from: owner?.node, to: target?.node, why: 'it is under way' };
}

/** The plan behind the reply. */
export function fromPlan({ index, moves, underWay, homeless, nodes }: PlanPlacementReply__Output): PlacementPlan {
  return {
    index: index ?? 0,
    moves: (moves ?? []).map(fromMove),
    underWay: (underWay ?? []).map(fromMove),
    homeless: (homeless ?? []).map(({ kind = '', shards = 0, why = '' }) => ({ kind, shards, why })),
    nodes: (nodes ?? []).map(({ id = '', shardsNow = 0, shardsThen = 0 }) => ({ id, shardsNow, shardsThen })),
  };
}

function fromMove({ kind = '', shard = 0, from, to, reason = '', why = '' }: PlannedMove__Output): ShardMove {
  return { kind, shard, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), reason, why };
}
