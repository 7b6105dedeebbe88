import type { NodeId } from '../../core/index.ts';

/** One record of the replicated log. `data` of length 0 with kind `normal` is a leader's no-op. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly kind: 'normal' | 'config';
  readonly data: Uint8Array;
}

/** What must be durable besides entries. `commit` may lag behind after a crash; `term` and `vote` may not. */
export interface HardState {
  readonly term: number;
  readonly vote: NodeId | undefined;
  readonly commit: number;
}

/**
 * The members. With `votersOutgoing` the configuration is joint: both sets must agree (joint consensus, Raft
 * dissertation section 4.3). Nobody is a voter and a learner at once; outgoing voters that are to stay as learners are in
 * `learnersNext` until the joint configuration is left.
 */
export interface Configuration {
  readonly voters: readonly NodeId[];
  readonly votersOutgoing?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly learnersNext?: readonly NodeId[];
}

/** Names a snapshot; its bytes travel apart (the receiver pulls them). */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
}

/**
 * Messages between members, and between a member and its own storage threads (`storageAppend*`, `storageApply*`,
 * after etcd-io/raft's asynchronous storage writes). One flat shape, as fields are shared by most types:
 * - `preVote`/`vote`: term, index and logTerm of the candidate's last entry; `force` when the leader asked for it
 * - `append`: entries after (index, logTerm), `commit`
 * - `appendReply`: index matched, or with `reject` the rejected index, `rejectHint` and `logTerm` of the hint
 * - `heartbeat`: commit (never past what the follower has matched), number of its round as context; without one it only
 *   announces the commit index, and isn't answered
 * - `snapshot`: `snapshot` names it; the receiver fetches it from `from`
 * - `timeoutNow`: the leader hands its leadership over
 */
export interface Message {
  readonly type:
    | 'preVote'
    | 'preVoteReply'
    | 'vote'
    | 'voteReply'
    | 'append'
    | 'appendReply'
    | 'heartbeat'
    | 'heartbeatReply'
    | 'snapshot'
    | 'timeoutNow'
    | 'readIndex'
    | 'readIndexReply'
    | 'propose'
    | 'transferLeader'
    | 'storageAppendReply'
    | 'storageApplyReply'
    | 'unreachable'
    | 'snapshotStatus';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly index?: number;
  readonly logTerm?: number;
  readonly commit?: number;
  readonly entries?: readonly Entry[];
  readonly reject?: boolean;
  readonly rejectHint?: number;
  readonly force?: boolean;
  readonly snapshot?: SnapshotMeta;
  /** On a heartbeat: asks for a lease, which its reply grants: a promise not to vote for an election time-out. */
  readonly lease?: boolean;
  /** Identifies a read request through its round of heartbeats. */
  readonly context?: number;
}

/** Work for the log: make all of this durable in this order, then step each reply into the node. */
export interface AppendWork {
  readonly hardState?: HardState;
  /** Replace the log from the first of these on; contiguous. */
  readonly entries: readonly Entry[];
  /** Install this snapshot first (its bytes have been fetched): the log restarts after it. */
  readonly snapshot?: SnapshotMeta;
  /** Send each of these (to others, or step those addressed to oneself) once all of the above is durable. */
  readonly replies: readonly Message[];
}

/** Work for the state machine: apply in order, then step the reply into the node. */
export interface ApplyWork {
  readonly entries: readonly Entry[];
  readonly reply: Message;
}

/** A linearizable read may be served from the state machine once it has applied `index`. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
}

/** What the node wants done now. `messages` may go out at once; the rest says itself when. */
export interface Ready {
  readonly messages: readonly Message[];
  readonly append?: AppendWork;
  readonly apply?: ApplyWork;
  readonly reads: readonly ReadState[];
  /** Set when role, leader or term changed since the last ready. */
  readonly status?: Status;
  /** Set when the members changed since the last ready. */
  readonly configuration?: Configuration;
}

/** What a member knows of itself; for telemetry, tests and the driver. */
export interface Status {
  readonly id: NodeId;
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader';
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly configuration: Configuration;
}

/** How consensus reads its own log back: the durable part kept by the driver, in memory or on disk. */
export interface LogReader {
  /** First index still present (snapshot index + 1). */
  firstIndex(): number;
  /** Last index present; firstIndex - 1 when there are no entries. */
  lastIndex(): number;
  /** Term of an index in [firstIndex - 1, lastIndex]; undefined when it was compacted or isn't there yet. */
  term(index: number): number | undefined;
  /**
   * Entries in [from, to), at least one, cut where their total size passes `bytesMax`.
   * Undefined when `from` was compacted away.
   */
  entries(from: number, to: number, bytesMax: number): readonly Entry[] | undefined;
  /** The newest snapshot, if any. */
  snapshot(): SnapshotMeta | undefined;
}
