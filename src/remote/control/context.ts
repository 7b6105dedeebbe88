import type { BackoffPolicy, Clock, Logger, NodeId, Random } from '../../core/index.ts';
import type { ResolveControlAddress } from '../control-port.ts';
import type { Streams } from '../port.ts';

/** The streams of the control port, named after the methods of its service. */
export type ControlMethod = 'Raft' | 'Call' | 'Watch' | 'FetchSnapshot';

/** Bounds of the control port. */
export interface ControlLimits {
  /** Requests to one peer, and from one peer, that aren't answered. More are OVERLOADED, or wait at the peer. */
  readonly callsMax: number;
  /** Bodies of requests to one peer that wait to go out, bytes. */
  readonly callBytesMax: number;
  /** A request's or reply's body, and one delivery of a watch, bytes. */
  readonly bodyBytesMax: number;
  /** Raft messages to one peer that wait to go out; more are dropped. */
  readonly raftMessagesMax: number;
  /** ... and their entries, bytes. */
  readonly raftBytesMax: number;
  /** A batch of Raft messages is closed when it has this many bytes of entries. */
  readonly batchBytes: number;
  /** Snapshots travel in chunks of this size, bytes. */
  readonly chunkBytes: number;
  /** Chunks read ahead of their consumer. */
  readonly chunksAheadMax: number;
  /** A stream must say hello within this time, ms. */
  readonly helloMs: number;
  /** How soon a peer that couldn't be reached is dialled again; until then requests fail at once. */
  readonly redial: BackoffPolicy;
}

/** The limits used where nothing else is said. */
export const DEFAULT_CONTROL_LIMITS: ControlLimits = {
  callsMax: 1_024,
  callBytesMax: 64 * 1024 * 1024,
  bodyBytesMax: 16 * 1024 * 1024,
  raftMessagesMax: 4_096,
  raftBytesMax: 64 * 1024 * 1024,
  batchBytes: 1024 * 1024,
  chunkBytes: 256 * 1024,
  chunksAheadMax: 8,
  helloMs: 10_000,
  redial: { minMs: 20, maxMs: 400, jitter: 0.4 },
};

/** What the parts of one node's control port share. */
export interface ControlContext {
  readonly self: NodeId;
  readonly cluster: string;
  readonly streams: Streams<ControlMethod>;
  readonly resolve: ResolveControlAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: ControlLimits;
}
