import type { NodeId } from '../../core/index.ts';
import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  encodeConfiguration,
  type SnapshotMeta,
  type Status,
  votersOf,
} from '../../raft/consensus/index.ts';
import type { RaftMember, StateMachine } from '../../raft/driver/index.ts';
import type { LogMember, Members } from '../commands.ts';
import type { LogConsumer, LogEntry, ReplicatedLog } from '../port.ts';
import { type MemberId, nodeOfMember } from './member-id.ts';

const NOTHING = new Uint8Array(0);

/** Term of the first entry: elections come after it. */
const FOUNDING_TERM = 1;

/**
 * The first entry of every log of a cluster: its founders. All of them write the same, so it is committed by being there, and
 * whoever reads the log learns from itself who keeps it.
 */
export function foundingEntry(founders: readonly MemberId[]): Entry {
  return { kind: 'config', index: 1, term: FOUNDING_TERM, data: encodeConfiguration({ voters: founders }) };
}

/** The ledger as embedded Raft drives it. Of a change of the members it hears who they are. */
export function stateMachineOf(consumer: LogConsumer): StateMachine {
  return {
    get appliedIndex() {
      return consumer.appliedIndex;
    },
    apply: (entries: readonly Entry[]) => consumer.apply(entries.map(toLogEntry)),
    snapshot: () => consumer.snapshot(),
    restore: (meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>) => consumer.restore(meta.index, chunks),
  };
}

function toLogEntry(entry: Entry): LogEntry {
  if (entry.kind === 'normal') return entry;
  const { index, term } = entry;
  return { index, term, data: NOTHING, members: membersIn(decodeConfiguration(entry.data)) };
}

/** Who keeps the log in a configuration of Raft; in a joint one both sets vote. */
export function membersIn(configuration: Configuration): Members {
  const { learners = [] } = configuration;
  return { voters: votersOf(configuration).map(toLogMember), learners: learners.map(toLogMember) };
}

function toLogMember(member: MemberId): LogMember {
  return { node: nodeOfMember(member), member };
}

/**
 * The replicated log on embedded Raft, in terms of nodes. The member also takes snapshots by itself as its log grows.
 *
 * @param options `lease`: barriers may rest on the leader's lease, if the member grants and holds any; default false
 *
 * @example
 * const log = raftLog(await openRaftMember({ stateMachine: stateMachineOf(ledger), … }));
 */
export function raftLog(member: RaftMember, { lease = false }: { readonly lease?: boolean } = {}): ReplicatedLog {
  const memberOf = (node: NodeId): MemberId =>
    votersOf(member.status.configuration).find((each) => nodeOfMember(each) === node) ?? node;
  return {
    append: (data) => member.propose(data),
    barrier: () => member.barrier({ lease }),
    get role() {
      return roleOf(member.status);
    },
    onRole: (listener) => member.onStatus((status) => listener(roleOf(status))),
    transferLeadership: (to?: NodeId) => member.transferLeadership(to === undefined ? undefined : memberOf(to)),
    compact: () => member.compact(),
    close: () => member.close(),
  };
}

function roleOf({ role, leader, term }: Status): ReplicatedLog['role'] {
  return { leading: role === 'leader', leader: leader === undefined ? undefined : nodeOfMember(leader), term };
}
