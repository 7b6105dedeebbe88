import type { NodeId } from '../../core/index.ts';
import type { Entry, Message, SnapshotMeta, Status } from '../consensus/types.ts';

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
  /** A consistent image as of `appliedIndex`. */
  snapshot(): Iterable<Uint8Array>;
  /** Replaces the whole state. */
  restore(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** A member as the coordinator sees it. */
export interface RaftMember {
  /**
   * Replicates `data` and applies it on this member, which must lead.
   * @returns where it was committed and what the state machine replied
   * @throws TroupeError NOT_LEADER (data.leader when known), PROPOSAL_DROPPED (the outcome is unknown), OVERLOADED
   */
  propose(data: Uint8Array): Promise<{ readonly index: number; readonly term: number; readonly reply: unknown }>;
  /**
   * A linearizable read barrier through a quorum (ReadIndex): resolves, with the index, when this member's state machine has
   * applied everything that was committed when it was called.
   * @throws TroupeError NOT_LEADER, TIMEOUT
   */
  barrier(): Promise<number>;
  /** Hands leadership to `to`, or to the voter that is furthest along. Resolves when this member no longer leads. */
  transferLeadership(to?: NodeId): Promise<void>;
  /** Gives a message that arrived from another member. */
  receive(messages: readonly Message[]): void;
  /** Serves a snapshot to a member that pulls it. */
  readSnapshot(index: number): AsyncIterable<Uint8Array>;
  readonly status: Status;
  /** Calls `listener` at each change of role, leader or term; returns a function that ends it. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Resolves with the error when the member had to stop by itself (a poisoned or full log, a broken invariant). */
  readonly failed: Promise<unknown>;
  close(): Promise<void>;
}
