import type { CoordinatorServer } from '../../coordinator/index.ts';
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
  /** Serves a snapshot of the log to a voter that pulls it. @throws TroupeError NOT_FOUND */
  snapshot(index: number): AsyncIterable<Uint8Array>;
  /** Hands leadership over when this voter leads and another may; resolves when it doesn't. */
  transferLeadership(): Promise<void>;
  /** Closes server, log and ledger, in order. */
  close(): Promise<void>;
}
