import type { GroupSpec, NodeRecord, ShardRecord } from '../coordinator/index.ts';
import type { NodeId, NodeRef } from '../core/index.ts';
import { balanceShares, balanceTotals } from './balance.ts';
import { able, eligible, whyNot } from './eligible.ts';
import { Layout, type Seat } from './layout.ts';
import { Pacing, type PlacementPace } from './pacing.ts';

/** One line of a plan: give a shard an owner, or ask its owner to hand it over. Without `to` a pending request is taken back. */
export interface Move {
  readonly group: string;
  readonly shard: number;
  readonly epoch: number;
  readonly to?: NodeRef;
}

/**
 * Why a shard moves. Necessary: it has no owner, its owner is draining or no longer able to host it, or the target of its move is lost.
 * For balance, and paced: a better host came, hosts differ in their parts of the group, or in the sums over all groups.
 */
export type MoveReason = 'ownerless' | 'draining' | 'unable' | 'target-lost' | 'preference' | 'share' | 'total';

/** A move with its reason. */
export interface PlannedMove extends Move {
  readonly from?: NodeId;
  readonly reason: MoveReason;
  /** The reason in words, with the figures that it is made of. */
  readonly why: string;
}

/** A shard whose owner was asked to hand it over, and hasn't yet. */
export type ShardUnderWay = ShardRecord & { readonly owner: NodeRef; readonly target: NodeRef };

/** What should happen to the shards. */
export interface Plan {
  readonly moves: PlannedMove[];
  readonly underWay: ShardUnderWay[];
  /** Groups with shards that no node may take now. */
  readonly homeless: { readonly group: string; readonly shards: number; readonly why: string }[];
}

/** What a plan is made from. */
export interface PlacementInput {
  readonly nodes: readonly NodeRecord[];
  readonly groups: readonly GroupSpec[];
  /** Shards by group and number; one that is missing was never owned. */
  shard(group: string, shard: number): ShardRecord | undefined;
  readonly pace: PlacementPace;
}

/** A shard that should be elsewhere. */
interface Homeless {
  readonly record: ShardRecord;
  readonly owner: NodeRecord | undefined;
  readonly reason: MoveReason;
  readonly why: string;
}

/** One group while its plan is made. */
interface Draft {
  readonly layout: Layout;
  /** Shards that must have a new home. */
  readonly urgent: readonly Homeless[];
  /** Shards that may stay until there is time. */
  readonly patient: readonly Homeless[];
}

/**
 * Where shards should go. They stay where they are unless something is wrong, so few move when a node comes or goes: of a group whose
 * hosts weigh the same, at most the newcomer's part rounded up, or only what the leaver had; where weights differ, at most one more for
 * each host. A shard that needs a home gets the host that draws it most (`rendezvous.ts`) and isn't full (`layout.ts`). At rest each
 * host has its fair part of each group, rounded up or down. Necessary moves come always, moves for balance within the pace. Pure.
 */
export function plan(input: PlacementInput): Plan {
  const planned: Plan = { moves: [], underWay: [], homeless: [] };
  const drafts = input.groups.map((group) => draft(group, input, planned));
  const pacing = new Pacing(input.pace);
  for (const { owner, target } of planned.underWay) pacing.begin(owner.node, target.node);

  const move = ({ record, owner, reason, why }: Homeless, { node: { node, incarnation } }: Seat): void => {
    const { group, shard, epoch } = record;
    const from = owner === undefined ? {} : { from: owner.node };
    planned.moves.push({ group, shard, epoch, ...from, to: { node, incarnation }, reason, why });
    if (owner !== undefined) pacing.begin(owner.node, node);
  };
  const settle = (layout: Layout, homeless: Homeless, paced: boolean): void => {
    const { record, owner } = homeless;
    const home = layout.home(record.shard);
    if (home === undefined || (paced && owner && !pacing.allows(owner.node, home.node.node))) return;
    layout.put(record.shard, home.node.node, false);
    move(homeless, home);
  };
  const shift =
    (reason: MoveReason) =>
    (layout: Layout, from: Seat, to: Seat, why: string): boolean => {
      if (!pacing.allows(from.node.node, to.node.node)) return false;
      const shard = layout.shift(from, to);
      const record = shard === undefined ? undefined : input.shard(layout.spec.group, shard);
      if (record !== undefined) move({ record, owner: from.node, reason, why }, to);
      return record !== undefined;
    };

  for (const { layout, urgent } of drafts) for (const homeless of urgent) settle(layout, homeless, false);
  for (const { layout, patient } of drafts) for (const homeless of patient) settle(layout, homeless, true);
  for (const { layout } of drafts) balanceShares(layout, shift('share'));
  balanceTotals(
    drafts.map(({ layout }) => layout),
    shift('total'),
  );
  return planned;
}

/** Looks where each shard of a group stands, and notes what the group's hosts have. */
function draft(group: GroupSpec, { nodes, shard }: PlacementInput, planned: Plan): Draft {
  const alive = new Map(nodes.filter(({ state }) => state !== 'down' && state !== 'left').map((n) => [n.node, n]));
  const hosts = eligible(group, nodes);
  const wanted = new Set(hosts.map(({ node }) => node));
  const urgent: Homeless[] = [];
  const patient: Homeless[] = [];
  const placed: { readonly shard: number; readonly node: NodeId; readonly movable: boolean }[] = [];
  for (let number = 0; number < group.shards; number++) {
    const record = shard(group.group, number) ?? { group: group.group, shard: number, epoch: 0 };
    const owner = living(record.owner, alive);
    const target = living(record.target, alive);
    if (owner === undefined) {
      urgent.push({ record, owner, reason: 'ownerless', why: 'it has no owner' });
    } else if (target?.state === 'up' && target.node !== owner.node && able(group, target)) {
      planned.underWay.push({ ...record, owner, target });
      placed.push({ shard: number, node: target.node, movable: false });
    } else if (owner.state === 'draining' || (owner.state === 'up' && !able(group, owner))) {
      const reason = owner.state === 'draining' ? 'draining' : 'unable';
      urgent.push({ record, owner, reason, why: `${owner.node} ${whyNot(group, owner)}` });
    } else if (record.target !== undefined) {
      const why = `${record.target.node}, which was to take it, can't`;
      planned.moves.push({ ...lineOf(record), from: owner.node, reason: 'target-lost', why });
      placed.push({ shard: number, node: owner.node, movable: false });
    } else if (owner.state === 'up' && !wanted.has(owner.node)) {
      const why = `${owner.node} ${whyNot(group, owner) ?? "isn't preferred, and others are"}`;
      patient.push({ record, owner, reason: 'preference', why });
    } else {
      placed.push({ shard: number, node: owner.node, movable: true });
    }
  }
  if (hosts.length === 0 && urgent.length > 0) {
    planned.homeless.push({ group: group.group, shards: urgent.length, why: nobody(group, [...alive.values()]) });
  }
  // What stays with a cordoned owner isn't the hosts' to share out.
  const shared = urgent.length + patient.length + placed.filter(({ node }) => wanted.has(node)).length;
  const layout = new Layout(group, hosts, shared);
  for (const { shard, node, movable } of placed) layout.put(shard, node, movable);
  return { layout, urgent, patient };
}

/** The command's line of a move: its reason stays here. */
export function lineOf({ group, shard, epoch, to }: Move): Move {
  return { group, shard, epoch, ...(to === undefined ? {} : { to }) };
}

function living(ref: NodeRef | undefined, alive: ReadonlyMap<string, NodeRecord>): NodeRecord | undefined {
  const record = ref && alive.get(ref.node);
  return record?.incarnation === ref?.incarnation ? record : undefined;
}

function nobody(group: GroupSpec, alive: readonly NodeRecord[]): string {
  return alive.map((node) => `${node.node} ${whyNot(group, node)}`).join('; ') || 'there is no node';
}
