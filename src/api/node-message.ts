import type {
  ClusterView,
  GroupSpec,
  LedgerStats,
  LogMember,
  Members,
  NodeRecord,
  NodeState,
  ShardRecord,
} from '../coordinator/index.ts';
import type { NodeRef } from '../core/index.ts';
import type {
  ClusterView as ViewMessage,
  ClusterView__Output as ViewOutput,
} from '../wire/generated/troupe/v1/ClusterView.ts';
import type { Group, Group__Output } from '../wire/generated/troupe/v1/Group.ts';
import type { LedgerStats__Output } from '../wire/generated/troupe/v1/LedgerStats.ts';
import type { LogMember__Output } from '../wire/generated/troupe/v1/LogMember.ts';
import type { Members__Output, Members as MembersMessage } from '../wire/generated/troupe/v1/Members.ts';
import type { Node, Node__Output } from '../wire/generated/troupe/v1/Node.ts';
import type { NodeLife, NodeLife__Output } from '../wire/generated/troupe/v1/NodeLife.ts';
import type { Shard, Shard__Output } from '../wire/generated/troupe/v1/Shard.ts';

const STATE_MESSAGE = {
  up: 'NODE_STATE_UP',
  cordoned: 'NODE_STATE_CORDONED',
  draining: 'NODE_STATE_DRAINING',
  left: 'NODE_STATE_LEFT',
  down: 'NODE_STATE_DOWN',
} as const satisfies Record<NodeState, string>;

const STATE_RECORD: Readonly<Record<string, NodeState>> = Object.fromEntries(
  Object.entries(STATE_MESSAGE).map(([state, message]) => [message, state as NodeState]),
);

/** A node as the API shows it. */
export function toNode(record: NodeRecord): Node {
  return {
    id: record.node,
    incarnation: record.incarnation,
    state: STATE_MESSAGE[record.state],
    apiAddress: record.addresses.api,
    controlAddress: record.addresses.control,
    dataAddress: record.addresses.data,
    labels: { ...record.labels },
    voter: record.voter,
    kinds: [...record.groups],
    ...(record.drainBy === undefined ? {} : { drainByUnixMs: record.drainBy }),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(record.weight === undefined ? {} : { weight: record.weight }),
    ...(record.account === undefined ? {} : { account: record.account }),
  };
}

/** The record behind `toNode`. */
export function fromNode(node: Node__Output): NodeRecord {
  const { account } = node;
  return {
    node: node.id ?? '',
    incarnation: node.incarnation ?? 0,
    state: STATE_RECORD[node.state ?? ''] ?? 'down',
    addresses: { control: node.controlAddress ?? '', data: node.dataAddress ?? '', api: node.apiAddress ?? '' },
    labels: node.labels ?? {},
    voter: node.voter ?? false,
    groups: node.kinds ?? [],
    ...(node.drainByUnixMs === undefined ? {} : { drainBy: node.drainByUnixMs }),
    ...(node.reason === undefined ? {} : { reason: node.reason }),
    ...(node.weight === undefined ? {} : { weight: node.weight }),
    ...(account == null
      ? {}
      : {
          account: {
            agents: account.agents ?? 0,
            messages: account.messages ?? 0,
            drainMs: Number(account.drainMs ?? 0),
            pauseMsP50: Number(account.pauseMsP50 ?? 0),
            pauseMsP99: Number(account.pauseMsP99 ?? 0),
          },
        }),
  };
}

function fromLife(life: NodeLife__Output | null | undefined): NodeRef | undefined {
  return life == null ? undefined : { node: life.node ?? '', incarnation: life.incarnation ?? 0 };
}

function toLife(ref: NodeRef): NodeLife {
  return { node: ref.node, incarnation: ref.incarnation };
}

/** A shard as the API shows it. */
export function toShard(record: ShardRecord): Shard {
  return {
    kind: record.group,
    shard: record.shard,
    epoch: record.epoch,
    ...(record.owner === undefined ? {} : { owner: toLife(record.owner) }),
    ...(record.target === undefined ? {} : { target: toLife(record.target) }),
  };
}

/** The record behind `toShard`. */
export function fromShard(shard: Shard__Output): ShardRecord {
  const owner = fromLife(shard.owner);
  const target = fromLife(shard.target);
  return {
    group: shard.kind ?? '',
    shard: shard.shard ?? 0,
    epoch: shard.epoch ?? 0,
    ...(owner === undefined ? {} : { owner }),
    ...(target === undefined ? {} : { target }),
  };
}

/** A shard group as the API shows it. */
export function toGroup(spec: GroupSpec): Group {
  const { require = {}, prefer = {}, avoid = {} } = spec.placement;
  return { kind: spec.group, shards: spec.shards, require, prefer, avoid };
}

/** The record behind `toGroup`. */
export function fromGroup(group: Group__Output): GroupSpec {
  const placement = { require: group.require ?? {}, prefer: group.prefer ?? {}, avoid: group.avoid ?? {} };
  return { group: group.kind ?? '', shards: group.shards ?? 0, placement };
}

/** Who keeps the log, as the API shows it. */
export function toMembers({ voters, learners }: Members): MembersMessage {
  return { voters: [...voters], learners: [...learners] };
}

/** The record behind `toMembers`. */
export function fromMembers(members: Members__Output | null | undefined): Members {
  const member = ({ node = '', member = node }: LogMember__Output): LogMember => ({ node, member });
  return { voters: (members?.voters ?? []).map(member), learners: (members?.learners ?? []).map(member) };
}

/** Nodes, groups, shards and members as the API shows them. */
export function toView(view: ClusterView): ViewMessage {
  return {
    index: view.index,
    nodes: view.nodes.map(toNode),
    groups: view.groups.map(toGroup),
    shards: view.shards.map(toShard),
    ...(view.members === undefined ? {} : { members: toMembers(view.members) }),
  };
}

/** The record behind `toView`. */
export function fromView(view: ViewOutput | null | undefined): ClusterView {
  return {
    index: view?.index ?? 0,
    nodes: (view?.nodes ?? []).map(fromNode),
    groups: (view?.groups ?? []).map(fromGroup),
    shards: (view?.shards ?? []).map(fromShard),
    ...(view?.members == null ? {} : { members: fromMembers(view.members) }),
  };
}

/** The record behind the message of the same name. */
export function fromStats(stats: LedgerStats__Output | null | undefined): LedgerStats {
  return {
    index: stats?.index ?? 0,
    ballots: stats?.ballots ?? 0,
    decisions: stats?.decisions ?? 0,
    tasksCompleted: stats?.tasksCompleted ?? 0,
    journalRecords: stats?.journalRecords ?? 0,
    puts: stats?.puts ?? 0,
    values: stats?.values ?? 0,
    valueBytes: stats?.valueBytes ?? 0,
  };
}
