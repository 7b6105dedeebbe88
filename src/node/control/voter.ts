import type { CoordinatorServer, Members } from '../../coordinator/index.ts';
import type { NodeId } from '../../core/index.ts';
import type { RaftMessage } from '../../wire/index.ts';

/** What a node that votes runs, whichever log is behind it. The control plane knows no more of it than this. */
export interface Voter {
  /** The coordinator here, over the log and the ledger. */
  readonly server: CoordinatorServer;
  /** Whether this voter leads now: then it has the leader's duties. */
  readonly leading: boolean;
  /** Resolves with the error when the voter had to stop by itself. */
  readonly failed: Promise<unknown>;
  /** Gives messages that another voter's log sent over the control port. */
  receive(from: NodeId, messages: readonly RaftMessage[]): void;
  /** The connection over which `peer` is heard broke. */
  lost?(peer: NodeId): void;
  /** Serves a snapshot of the log to a voter that pulls it. @throws TroupeError NOT_FOUND */
  snapshot(index: number): AsyncIterable<Uint8Array>;
  /** Hands leadership over when this voter leads and another may; resolves when it doesn't. */
  transferLeadership(): Promise<void>;
  /** Closes server, log and ledger, in order. */
  close(): Promise<void>;
}

/** A node's part in keeping the log, which may begin and end while the node lives. */
export interface Voting {
  /** What keeps the log here, if anything does. */
  readonly voter: Voter | undefined;
  /** Whether it votes: then its coordinator is one to ask. One that only learns may be far behind. */
  readonly votes: boolean;
  /** Resolves with the error when it can't go on. */
  readonly failed: Promise<unknown>;
  /**
   * Serves what peers ask about the members of the log.
   * @throws TroupeError PROTOCOL_VIOLATION, NODE_UNAVAILABLE, and as `ChangeVoters`
   */
  serve(from: NodeId, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** The ledger says who keeps the log, as of `index`. */
  viewed(members: Members, index: number): void;
  close(): Promise<void>;
}
