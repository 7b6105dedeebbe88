import type { Epoch, Fence, Incarnation, NodeId, NodeRef } from '../core/index.ts';

/** Where a node listens, `host:port` each. */
export interface NodeAddresses {
  readonly control: string;
  readonly data: string;
  readonly api: string;
}

/** Facts about a node used for placement, e.g. `{ capacity: 'spot', zone: 'a' }`. */
export type Labels = Readonly<Record<string, string>>;

/** What an agent kind wishes of the nodes that host it. */
export interface PlacementRule {
  readonly require?: Labels;
  readonly prefer?: Labels;
  readonly avoid?: Labels;
}

/** One agent kind as nodes declare it: its shard group. All nodes must agree. */
export interface GroupSpec {
  readonly group: string;
  readonly shards: number;
  readonly placement: PlacementRule;
}

/** One that keeps the log: a node, and the name under which the log knows it (of embedded Raft: one directory of the node). */
export interface LogMember {
  readonly node: NodeId;
  readonly member: string;
}

/** Who keeps the log. Learners are sent it and don't vote. */
export interface Members {
  readonly voters: readonly LogMember[];
  readonly learners: readonly LogMember[];
}

/** A node that is `down` or `left` never comes back under the same incarnation. */
export type NodeState = 'up' | 'cordoned' | 'draining' | 'left' | 'down';

/** A node as the ledger knows it. */
export interface NodeRecord extends NodeRef {
  readonly state: NodeState;
  readonly addresses: NodeAddresses;
  readonly labels: Labels;
  /** Capacity: its part of the shards, against those of other nodes. 1 when not given; 0 takes none. */
  readonly weight?: number;
  /** Whether it votes now. */
  readonly voter: boolean;
  /** Agent kinds it can host. */
  readonly groups: readonly string[];
  /** While draining: logged time by which it must be empty, ms since 1970. */
  readonly drainBy?: number;
  readonly reason?: string;
  /** What its drain cost, told by the node itself when it left. */
  readonly account?: DrainAccount;
}

/** What moved off a node that drained, and how long agents were unreachable (from stopped here to active there). */
export interface DrainAccount {
  readonly agents: number;
  readonly messages: number;
  readonly drainMs: number;
  readonly pauseMsP50: number;
  readonly pauseMsP99: number;
}

/** A shard as the ledger knows it. `owner` is undefined while nobody may commit for it. */
export interface ShardRecord {
  readonly group: string;
  readonly shard: number;
  readonly epoch: Epoch;
  readonly owner?: NodeRef;
  /** The owner is asked to hand the shard over to this node. */
  readonly target?: NodeRef;
}

/**
 * How ballots become a result. `majority`: more than half of the electors; `plurality`: most ballots win; `unanimous`: all
 * electors voted, and those that don't abstain agree.
 */
export type DecisionRule = 'majority' | 'plurality' | 'unanimous';

/**
 * What was decided. `index` and `term` say where in the log. `epoch` fences those who act on it: it counts the ledger's
 * results from 1, so it is unique and a later result always has the larger one.
 */
export interface DecisionResult {
  /**
   * `tie`: no choice can win any more; `no-quorum`: too few ballots that don't abstain; `expired`: it closed while ballots
   * were missing and no choice had won.
   */
  readonly outcome: 'decided' | 'tie' | 'no-quorum' | 'expired';
  /** The winning choice when decided. */
  readonly choice?: string;
  /** Ballots per choice, abstentions left out. */
  readonly tally: Readonly<Record<string, number>>;
  readonly index: number;
  readonly term: number;
  readonly epoch: Epoch;
}

/** One member's vote. `choice` undefined means it abstains. */
export interface Ballot {
  readonly member: string;
  readonly choice?: string;
  readonly reason?: string;
}

/** A decision as the ledger knows it. */
export interface DecisionRecord {
  readonly id: string;
  readonly question: string;
  /** Allowed choices; undefined allows any. */
  readonly options?: readonly string[];
  readonly electors: readonly string[];
  readonly rule: DecisionRule;
  /** Non-abstaining ballots below which the outcome is `no-quorum`. */
  readonly quorum: number;
  /** Close as soon as the rest can't change the result. */
  readonly earlyStop: boolean;
  /** Logged time at which it closes by itself, ms since 1970. */
  readonly closesAt: number;
  readonly ballots: readonly Ballot[];
  readonly result?: DecisionResult;
}

/** One unit of a job. `input` is opaque to the ledger. */
export interface TaskItem {
  readonly id: string;
  readonly input: Uint8Array;
}

/** A job: a list of tasks, each to be done once. */
export interface JobRecord {
  readonly id: string;
  readonly state: 'open' | 'closed' | 'cancelled';
  /** True once every item has been added. */
  readonly sealed: boolean;
  readonly tasks: number;
  readonly completed: number;
  readonly failed: number;
  /** Opaque description for whoever runs it. */
  readonly spec: Uint8Array;
}

/** One task. `claimEpoch` grows with each claim; a completion under an older one is refused. */
export interface TaskRecord {
  readonly job: string;
  readonly task: string;
  /** Position in the job, from 0. */
  readonly position: number;
  readonly input: Uint8Array;
  readonly state: 'waiting' | 'claimed' | 'completed' | 'failed';
  readonly claimEpoch: Epoch;
  readonly claimedBy?: string;
  /** Logged time at which the claim lapses. */
  readonly leaseUntil?: number;
  readonly result?: Uint8Array;
}

/** An agent's journal: newest snapshot and the records after it. Versions count records from 1. */
export interface JournalRecord {
  readonly version: number;
  readonly snapshotVersion: number;
  readonly snapshot?: Uint8Array;
  readonly records: readonly Uint8Array[];
  /** Which items its history has: positions from `first` to before `next`. Absent while it never had any. */
  readonly history?: { readonly first: number; readonly next: number };
}

/** A journal whose agent has something to do, and when, ms since 1970. */
export interface JournalWake {
  readonly key: string;
  readonly at: number;
}

/** One held turn: its agent, and where in the log it was held. A turn that is held again has a later number. */
export interface HeldRef {
  readonly group: string;
  readonly key: string;
  readonly hold: number;
}

/**
 * What a person says of a step whose outcome nobody knew: it was done, with this result; it wasn't, so run it again; or it counts as
 * failed, for this reason. The result is opaque to the ledger.
 */
export type Ruling =
  | { readonly type: 'done'; readonly value: Uint8Array }
  | { readonly type: 'retry' }
  | { readonly type: 'fail'; readonly reason: string };

/** A turn that waits for a person. */
export interface HeldRecord extends HeldRef {
  /** Id of the request that the turn answers. */
  readonly request: string;
  /** The step, with its number where its name comes several times, and the key that the world outside was given. */
  readonly step: string;
  readonly idempotencyKey: string;
  /** Logged time, ms since 1970. */
  readonly since: number;
  /** Why it waits, when that isn't the step's unknown outcome. */
  readonly reason?: string;
  readonly ruling?: Ruling;
  /** The turn went on and is over. */
  readonly over: boolean;
}

/** A value under a name. No two puts of a key have the same version, and a later one's is larger. */
export interface ValueRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: number;
}

/**
 * Every command of the ledger, with its reply. All are deterministic; a refusal is a TroupeError reply that changes nothing.
 * Idempotent where a natural key exists (join by bootId, open by id, cast by member), exactly once by session otherwise.
 */
export interface Commands {
  /**
   * Opens a session, which the ledger forgets after `idleMs` of logged time without a command of it. Its name is the index of
   * its log entry, so that an expired session can never be opened again by a message that was late.
   */
  'session.open': { request: { readonly idleMs: number }; reply: { readonly session: number } };

  /** A new life of a node; replaces (as down) an earlier life. Same bootId again: same reply. */
  'node.join': {
    request: {
      readonly node: NodeId;
      readonly bootId: string;
      readonly addresses: NodeAddresses;
      readonly labels: Labels;
      /** 0 to 1,000. Default 1. */
      readonly weight?: number;
      /** As configured; it holds only where the log doesn't say itself who votes. */
      readonly voter: boolean;
      readonly groups: readonly GroupSpec[];
    };
    reply: { readonly incarnation: Incarnation };
  };
  /**
   * Cordon, drain (with a time left), or take either back. NODE_FENCED when this life is over; with `expect` CONFLICT
   * unless the node is in that state.
   */
  'node.mark': {
    request: NodeRef & {
      readonly state: 'up' | 'cordoned' | 'draining';
      readonly expect?: NodeState;
      readonly drainMs?: number;
      readonly reason?: string;
    };
    reply: { readonly drainBy?: number };
  };
  /** The node is empty and leaves on purpose. Shards it still owns become ownerless. */
  'node.leave': { request: NodeRef & { readonly account?: DrainAccount }; reply: Record<string, never> };
  /**
   * The failure detector gave the node up. Shards it owns become ownerless: its fences are refused from then on, and the epoch
   * grows with the next owner.
   */
  'node.down': { request: NodeRef & { readonly reason: string }; reply: Record<string, never> };

  /**
   * Gives ownerless shards an owner (epoch + 1), or sets or clears the target of owned ones. A line is skipped when its epoch
   * isn't the shard's, or `to` isn't up or doesn't host the group. `accepted` counts the lines that hold afterwards.
   */
  'shards.place': {
    request: {
      readonly moves: readonly {
        readonly group: string;
        readonly shard: number;
        readonly epoch: Epoch;
        readonly to?: NodeRef;
      }[];
    };
    reply: { readonly accepted: number };
  };
  /**
   * The owner hands over, all or none: epoch + 1, owner = to, target cleared. STALE_EPOCH when a fence is old,
   * NODE_UNAVAILABLE when `to` isn't up or doesn't host the group.
   */
  'shards.transfer': {
    request: { readonly fences: readonly Fence[]; readonly to: NodeRef };
    reply: { readonly transferred: readonly Fence[] };
  };

  'decision.open': {
    request: {
      readonly id: string;
      readonly question: string;
      readonly options?: readonly string[];
      readonly electors: readonly string[];
      readonly rule: DecisionRule;
      readonly quorum: number;
      readonly earlyStop: boolean;
      readonly deadlineMs: number;
    };
    reply: DecisionRecord;
  };
  /**
   * One ballot per member: a repetition with the same choice gets the recorded decision, another choice ALREADY_EXISTS, a
   * ballot that is late DECISION_CLOSED.
   */
  'decision.cast': {
    request: { readonly id: string; readonly ballot: Ballot; readonly fence?: Fence };
    reply: DecisionRecord;
  };
  /** Closes a decision now, with what there is. Idempotent. */
  'decision.close': { request: { readonly id: string }; reply: DecisionRecord };

  'job.open': { request: { readonly id: string; readonly spec: Uint8Array }; reply: JobRecord };
  /** Adds items (ids already there are skipped); `seal` says that no more will come. */
  'job.add': {
    request: { readonly id: string; readonly items: readonly TaskItem[]; readonly seal: boolean };
    reply: JobRecord;
  };
  /**
   * Claims waiting (or lapsed) tasks in order of position. Tasks that the same `by` claimed under an older epoch of
   * the same fence are claimable at once: a new owner doesn't wait for its predecessor's leases.
   */
  'task.claim': {
    request: {
      readonly job: string;
      readonly by: string;
      readonly limit: number;
      readonly leaseMs: number;
      readonly fence?: Fence;
    };
    reply: { readonly tasks: readonly TaskRecord[] };
  };
  /** Completes or fails claimed tasks, all or none. A repetition under the same claim gets the same reply; CLAIM_LOST otherwise. */
  'task.settle': {
    request: {
      readonly job: string;
      readonly outcomes: readonly {
        readonly task: string;
        readonly claimEpoch: Epoch;
        readonly ok: boolean;
        readonly result: Uint8Array;
      }[];
      readonly fence?: Fence;
    };
    reply: JobRecord;
  };
  /** Ends a job and frees its claims. Idempotent. */
  'job.close': { request: { readonly id: string; readonly cancelled: boolean }; reply: JobRecord };

  /**
   * Appends to an agent's journal when the fence is current and `version` is the journal's last (0 for none).
   * JOURNAL_CONFLICT (data.version is the last) otherwise; OVERLOADED when it must be replaced by a snapshot first.
   */
  'journal.append': {
    request: {
      readonly fence: Fence;
      readonly key: string;
      readonly version: number;
      readonly records: readonly Uint8Array[];
      /** Replaces everything up to and including these records. */
      readonly snapshot?: Uint8Array;
      /** Items for its history, which no snapshot replaces. OVERLOADED when it is full. */
      readonly history?: readonly Uint8Array[];
      /** Items of the history before this position go. */
      readonly historyFrom?: number;
      /**
       * Blobs that the records, the history or the snapshot name: they stay as long as the journal names them. With a snapshot this is all of
       * them, else what is added. NOT_FOUND (data.id) when one isn't there.
       */
      readonly blobs?: readonly string[];
      /**
       * When its agent has something to do by itself, ms since 1970, for `journal.wakes`; 0 for never. Nothing happens then by itself. Left out:
       * as before. It changes together with a record.
       */
      readonly wake?: number;
    };
    reply: { readonly version: number };
  };
  /**
   * Deletes a journal with its history, when the fence is current and `version` is its last; its blobs are named by it no longer. One that
   * isn't there is at version 0. JOURNAL_CONFLICT as above.
   */
  'journal.delete': {
    request: { readonly fence: Fence; readonly key: string; readonly version: number };
    reply: Record<string, never>;
  };
  /**
   * Holds a turn at a step. `message` is what the turn answers, for whoever goes on with it. A turn that is held already gets what is
   * recorded, unless `after` says that this ruling was followed. OVERLOADED when too many turns are held.
   */
  'held.place': {
    request: Pick<HeldRecord, 'key' | 'request' | 'step' | 'idempotencyKey' | 'reason'> & {
      readonly fence: Fence;
      readonly message: Uint8Array;
      readonly after?: number;
    };
    reply: HeldRecord;
  };
  /**
   * Settles a held step. The first ruling stands: the same one again gets the same reply, another one ALREADY_EXISTS. NOT_FOUND when
   * no turn is held so, or it has been over for long.
   */
  'held.rule': { request: HeldRef & { readonly ruling: Ruling }; reply: HeldRecord };
  /** A held turn is over. Idempotent. */
  'held.release': {
    request: { readonly fence: Fence; readonly key: string; readonly hold: number };
    reply: Record<string, never>;
  };
  /**
   * Adds a part of a blob, parts in order; one that is there already is fine. `id` is the SHA-256 of the whole, in hexadecimal. All parts but
   * the last have `blobPartBytes`. `whole` says that it is all there now; false after the last part, that its bytes have another
   * hash. OVERLOADED when blobs take too many bytes together.
   */
  'blob.put': {
    request: { readonly id: string; readonly size: number; readonly part: number; readonly bytes: Uint8Array };
    reply: { readonly whole: boolean };
  };

  /**
   * Writes a value, and says which version it is: puts of all keys are counted from 1. With `expect` only when the key is at
   * that version, 0 meaning that it has no value: CONFLICT (data.version is what it is at) otherwise. OVERLOADED when there
   * are too many values or bytes.
   */
  'kv.put': {
    request: { readonly key: string; readonly value: Uint8Array; readonly expect?: number };
    reply: { readonly version: number };
  };
  /** Deletes a value, if there is one. `expect` as for `kv.put`. */
  'kv.delete': { request: { readonly key: string; readonly expect?: number }; reply: Record<string, never> };

  /** Lets logged time act: expires sessions, closes decisions past their deadline, frees lapsed claims. Proposed by the leader. */
  'clock.tick': { request: Record<string, never>; reply: Record<string, never> };
}

/** Reads of the ledger. */
export interface Queries {
  'cluster.view': { request: Record<string, never>; reply: ClusterView };
  'decision.get': { request: { readonly id: string }; reply: DecisionRecord };
  'decision.list': {
    request: { readonly prefix: string; readonly after?: string; readonly limit: number };
    reply: { readonly decisions: readonly DecisionRecord[] };
  };
  'job.get': { request: { readonly id: string }; reply: JobRecord };
  /** Jobs in order of id, after `after` ('' for all). */
  'job.list': {
    request: { readonly state?: JobRecord['state']; readonly after: string; readonly limit: number };
    reply: { readonly jobs: readonly JobRecord[] };
  };
  'job.tasks': {
    request: {
      readonly id: string;
      readonly after: number;
      readonly limit: number;
      readonly state?: TaskRecord['state'];
    };
    reply: { readonly tasks: readonly TaskRecord[] };
  };
  /** Fails with STALE_EPOCH unless the fence is current, so a new owner never starts from a guess. */
  'journal.read': { request: { readonly fence: Fence; readonly key: string }; reply: JournalRecord };
  /** A page of a journal's history; `from` says where it begins. It may end early for its bytes; an empty one is the end. */
  'journal.history': {
    request: { readonly fence: Fence; readonly key: string; readonly from: number; readonly limit: number };
    reply: { readonly from: number; readonly items: readonly Uint8Array[] };
  };
  /** Journals of a shard whose agents have something to do (`wake` of an append), the soonest first, behind `after`. */
  'journal.wakes': {
    request: { readonly fence: Fence; readonly after?: JournalWake; readonly limit: number };
    reply: { readonly wakes: readonly JournalWake[] };
  };
  /** A part of a blob, or without `part` only whether it is there: NOT_FOUND when it isn't, or not whole yet. */
  'blob.read': {
    request: { readonly id: string; readonly part?: number };
    reply: { readonly size: number; readonly bytes?: Uint8Array };
  };
  /** Held turns that aren't over, in order of agent, behind `after`. */
  'held.list': {
    request: { readonly after?: HeldRef; readonly limit: number; readonly ruled?: boolean };
    reply: { readonly held: readonly HeldRecord[] };
  };
  'held.get': { request: HeldRef; reply: HeldRecord & { readonly message: Uint8Array } };
  'kv.get': {
    request: { readonly key: string };
    reply: { readonly value: Uint8Array; readonly version: number } | undefined;
  };
  /**
   * Values whose keys begin with `prefix`, in the order of their keys' code points, after `after` ('' for all). A page may end
   * early for its bytes; an empty one is the end.
   */
  'kv.list': {
    request: { readonly prefix: string; readonly after: string; readonly limit: number };
    reply: { readonly values: readonly ValueRecord[] };
  };
  /** Counts that an account can be checked against. */
  'ledger.stats': { request: Record<string, never>; reply: LedgerStats };
}

/** Nodes and shards as of `index`. */
export interface ClusterView {
  readonly index: number;
  readonly nodes: readonly NodeRecord[];
  readonly groups: readonly GroupSpec[];
  readonly shards: readonly ShardRecord[];
  /** Absent where the log doesn't say: those of the configuration hold then. */
  readonly members?: Members;
}

/** Totals kept by the ledger since its beginning, whatever retention has dropped. */
export interface LedgerStats {
  readonly index: number;
  readonly ballots: number;
  /** Decisions that have a result. */
  readonly decisions: number;
  readonly tasksCompleted: number;
  readonly journalRecords: number;
  /** Values put under a name. */
  readonly puts: number;
  /** Values there are now, and bytes of them and their keys. */
  readonly values: number;
  readonly valueBytes: number;
}

/** What a command changed. Journal appends and claims make no events. */
export type LedgerChange =
  | { readonly type: 'node'; readonly node: NodeRecord }
  | { readonly type: 'group'; readonly group: GroupSpec }
  | { readonly type: 'members'; readonly members: Members }
  | { readonly type: 'shards'; readonly shards: readonly ShardRecord[] }
  | { readonly type: 'decision'; readonly decision: DecisionRecord }
  | { readonly type: 'held'; readonly held: HeldRecord }
  | {
      readonly type: 'job';
      readonly job: JobRecord;
      readonly settled: readonly {
        readonly task: string;
        readonly position: number;
        readonly ok: boolean;
        readonly result: Uint8Array;
      }[];
    };

/** A change as watchers hear it. `time` is logged time, ms since 1970; changes of one log entry share its index. */
export type LedgerEvent = { readonly index: number; readonly term: number; readonly time: number } & LedgerChange;

/** A command's name. */
export type CommandName = keyof Commands;

/** A query's name. */
export type QueryName = keyof Queries;
