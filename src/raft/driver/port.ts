import type { NodeId } from '../../core/index.ts';
import type { Configuration, Entry, MembershipChange, Message, SnapshotMeta, Status } from '../consensus/index.ts';

/** How members reach each other. Raft copes with loss, delay, repetition and reordering; never with forgery. */
export interface RaftTransport {
  /** Sends what it can; never waits, never throws. A message that can't go out is dropped. */
  send(to: NodeId, messages: readonly Message[]): void;
  /** Pulls the bytes of the snapshot that a leader named; errors reject the iteration. */
  fetchSnapshot(from: NodeId, meta: SnapshotMeta, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What the log drives. Calls never overlap. */
export interface StateMachine {
  /** Index of the last entry applied, as recovered from the state machine's own storage. */
  readonly appliedIndex: number;
  /** Applies committed entries in order, in one transaction, and returns one reply for each. */
  apply(entries: readonly Entry[]): readonly unknown[];
  /**
   * A consistent image as of `appliedIndex` at the time of the call. It is written out piece by piece while later entries are
   * applied, so the image must be fixed before this returns, not when the first piece is asked for.
   */
  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Replaces the whole state. */
  restore(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** How a proposal is traced. */
export interface ProposeOptions {
  /** W3C `traceparent` of a sampled caller; without one the tracer isn't touched. */
  readonly traceparent?: string | undefined;
}

/** How a read is made linearizable. */
export interface BarrierOptions {
  /**
   * Let a leader that holds a lease answer without asking a quorum. Default false. Faster, and only as safe as clock rates are
   * steady; without a lease (not the leader, leases not switched on, a late tick, a transfer) the quorum is asked as usual.
   */
  readonly lease?: boolean;
}

/** Where a proposal was committed, and what the state machine replied. */
export interface Committed {
  readonly index: number;
  readonly term: number;
  readonly reply: unknown;
}

/** A member as the coordinator sees it. */
export interface RaftMember {
  /**
   * Replicates `data`, which is not to be changed afterwards, and applies it on this member, which must lead.
   * @throws TroupeError NOT_LEADER (data.leader when known) and OVERLOADED: not proposed; PROPOSAL_DROPPED: the outcome is
   *   unknown; what stopped the member, when it had to stop
   */
  propose(data: Uint8Array, options?: ProposeOptions): Promise<Committed>;
  /**
   * A linearizable read barrier through a quorum (ReadIndex): resolves, with the index, when this member's state machine has
   * applied everything that was committed when it was called. Works on a follower too.
   * @throws TroupeError NOT_LEADER when no leader is known, TIMEOUT, OVERLOADED
   */
  barrier(options?: BarrierOptions): Promise<number>;
  /**
   * Hands leadership to `to`, or to the voter that is furthest along. Resolves when this member no longer leads.
   * @throws TroupeError NOT_LEADER, INVALID_ARGUMENT, NO_QUORUM when nobody can take it, TIMEOUT when nobody did
   */
  transferLeadership(to?: NodeId): Promise<void>;
  /**
   * Changes the members, one change at a time. Resolves with the configuration when the change is complete (a joint
   * configuration has been left) and holds on this member, which must lead when it is called. A leader may remove itself.
   * @throws TroupeError NOT_LEADER, INVALID_ARGUMENT when it makes no sense, NOT_CAUGHT_UP when a new voter's log is too far behind
   *   (retryable; data.member, data.behind in entries), OVERLOADED while another change is under way: not proposed;
   *   PROPOSAL_DROPPED, TIMEOUT: the outcome is unknown, look at `status.configuration`
   */
  changeMembers(change: MembershipChange): Promise<Configuration>;
  /**
   * A hint: the connection to `peer` broke, as it does when its process dies. If that is the leader this member follows, it
   * stands soon instead of waiting for a whole election time-out; members that still hear the leader refuse it.
   */
  disconnected(peer: NodeId): void;
  /** Stands for election now, as if its time-out had passed; for a group that has just begun. */
  campaign(): void;
  /** Gives a message that arrived from another member. */
  receive(messages: readonly Message[]): void;
  /** Serves a snapshot to a member that pulls it. */
  readSnapshot(index: number): AsyncIterable<Uint8Array>;
  /** Takes a snapshot now and trims the log behind it; joins one that is being taken. */
  compact(): Promise<void>;
  readonly status: Status;
  /** What a leader takes each member to have: the highest index known to be durable there. Undefined when this one doesn't lead. */
  readonly matches: ReadonlyMap<NodeId, number> | undefined;
  /** Calls `listener` at each change of role, leader or term; returns a function that ends it. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Calls `listener` at each change of the members that holds here, joint ones too; returns a function that ends it. */
  onConfiguration(listener: (configuration: Configuration) => void): () => void;
  /** Resolves with the error when the member had to stop by itself (a poisoned or full log, a broken invariant). */
  readonly failed: Promise<unknown>;
  /** Stops, fails what waits with SHUTTING_DOWN, and closes the log. */
  close(): Promise<void>;
}
