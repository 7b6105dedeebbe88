import type { NodeId } from '../../core/index.ts';
import type { Entry, SnapshotMeta, Status } from '../../raft/consensus/index.ts';
import type { RaftMember, StateMachine } from '../../raft/driver/index.ts';
import type { LogConsumer, LogEntry, ReplicatedLog } from '../port.ts';

const NOTHING = new Uint8Array(0);

/** The ledger as embedded Raft drives it. Changes of membership are Raft's own: the ledger sees only their index. */
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
  return entry.kind === 'normal' ? entry : { index: entry.index, term: entry.term, data: NOTHING };
}

/**
 * The replicated log on embedded Raft. The member also takes snapshots by itself as its log grows.
 *
 * @example
 * const log = raftLog(await openRaftMember({ stateMachine: stateMachineOf(ledger), … }));
 */
export function raftLog(member: RaftMember): ReplicatedLog {
  return {
    append: (data) => member.propose(data),
    barrier: () => member.barrier(),
    get role() {
      return roleOf(member.status);
    },
    onRole: (listener) => member.onStatus((status) => listener(roleOf(status))),
    transferLeadership: (to?: NodeId) => member.transferLeadership(to),
    compact: () => member.compact(),
    close: () => member.close(),
  };
}

function roleOf({ role, leader, term }: Status): ReplicatedLog['role'] {
  return { leading: role === 'leader', leader, term };
}
