import type { NodeId, NodeRef, WireError } from '../core/index.ts';

/**
 * Traffic classes between two nodes, each with its own stream, queue and credits, so that one never waits for another:
 * `system` (watches, barriers, hand-over commands, replies' errors), `user` (messages of agents), `bulk` (state on the move).
 * The control lane is a port of its own.
 */
export type Lane = 'system' | 'user' | 'bulk';

/** Tokens and money, in millionths of a US dollar. */
export interface Spending {
  readonly tokens?: number;
  readonly costMicroUsd?: number;
}

/** One message between nodes. */
export interface Envelope {
  readonly kind: 'tell' | 'ask' | 'reply' | 'error' | 'cancel';
  /** Receiver inside the node: `agent:<kind>/<key>`, or a service such as `sys:handover`. Interned per link. */
  readonly to: string;
  /** Pairs an ask with its reply; unique per sending node. 0 for a tell. */
  readonly correlation: number;
  /** Name of the message, e.g. `review`. Interned per link. */
  readonly method: string;
  /** Encoded body; see `src/wire/payload.ts`. On arrival a view of its frame: decode or copy it before keeping it. */
  readonly payload: Uint8Array;
  /** Same id again means the same request again: a durable agent answers it once. */
  readonly requestId?: string;
  /** Who sent it, for dead letters and for order: an agent's address or a client's name. */
  readonly from?: string;
  readonly traceparent?: string | undefined;
  /** What is left of the deadline when it leaves, ms: nodes' clocks need not agree. */
  readonly timeoutMs?: number | undefined;
  /** Since when `timeoutMs` runs, monotonic ms of this process; undefined: since now. Never travels. */
  readonly sinceMs?: number | undefined;
  /** On an ask what its receiver may spend, where that is to be told; on an answer what was spent. What is left out isn't limited. */
  readonly budget?: Spending | undefined;
  readonly error?: WireError;
  /** Epoch of the receiver's shard as the sender knows it: tells a receiver whose view lags to wait. */
  readonly epoch?: number | undefined;
  /** Of an ask made while its asker answers one itself: the asks above it; see `Envelope` in peer.proto. At most CHAIN_ASKS_MAX. */
  readonly askers?: readonly string[] | undefined;
}

/** What happened to envelopes that a dead peer never acknowledged. */
export interface PeerLoss {
  readonly peer: NodeRef;
  readonly reason: string;
  /** In order of sending, per lane. They may or may not have been received. */
  readonly unacknowledged: readonly Envelope[];
}

/**
 * Links to the other lives of nodes. While both processes live nothing accepted is lost, repeated or reordered per lane,
 * whatever connections do.
 */
export interface Links {
  readonly self: NodeRef;
  /** Tells of a peer from the membership: where to dial. Opening is lazy. */
  peerUp(peer: NodeRef, address: string): void;
  /** The membership says this life is over: what it hasn't acknowledged is handed to `onPeerLost`, once. */
  peerDown(peer: NodeRef, reason: string): void;
  /**
   * Queues an envelope.
   * @returns false when the lane is past its high-water mark: accepted, but wait for `writable` before sending more
   * @throws TroupeError NODE_UNAVAILABLE (peer unknown or down), OVERLOADED (the lane's hard limit), MESSAGE_TOO_LARGE
   */
  send(peer: NodeRef, lane: Lane, envelope: Envelope): boolean;
  /** Resolves when the lane is below its high-water mark, or the peer is down. */
  writable(peer: NodeRef, lane: Lane): Promise<void>;
  /**
   * The one receiver. Credits go back to the sender when the returned promise settles (or at once without one), so a
   * slow receiver slows senders. It must not throw: what it can't deliver it answers with an error envelope.
   */
  onEnvelope(receiver: (from: NodeRef, lane: Lane, envelope: Envelope) => void | Promise<void>): void;
  onPeerLost(listener: (loss: PeerLoss) => void): () => void;
  /** Takes a connection that the transport's listener was given. */
  accept(connection: Connection): void;
  /** Waits until everything sent before is acknowledged, or the time is over. */
  flush(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Takes a frame, which is its own from then on; unless it keeps nothing of it and answers `done`: then the memory may be used again. */
export type FrameListener = (frame: Uint8Array) => unknown;

/**
 * A connected pair of ordered byte-frame pipes; loses everything in flight when it breaks. Each event has one listener: a
 * later one takes its place.
 */
export interface Connection {
  /** Who the caller has proved to be, on a listening side that asks for proof; it must not say otherwise in its hello. */
  readonly peer?: NodeId | undefined;
  /** Hands over a frame, which isn't copied. False when the transport's buffer is full: wait for `onDrain`. */
  write(frame: Uint8Array): boolean;
  /** The same for a frame in parts, where that saves copying them together. */
  writeParts?(parts: readonly Uint8Array[]): boolean;
  onFrame(listener: FrameListener): void;
  onDrain(listener: () => void): void;
  /**
   * Called when all that was written is with the operating system: what comes next needn't wait to be written together with it. A
   * connection that can't tell leaves it out.
   */
  onSent?(listener: () => void): void;
  /** Called once, with the reason, when the other side or the network ended it; not after `close`. */
  onClose(listener: (reason: string) => void): void;
  /** Stops reading from the other side, or goes on. */
  pause(): void;
  resume(): void;
  /** Ends it. What the listening side wrote before still goes out; what the dialling side wrote may be lost. */
  close(): void;
}

/** Makes connections: `memory/` and `grpc/`. One conformance suite holds both. */
export interface Transport {
  /** Whether nobody can bend bytes on the way unnoticed, as with TLS: then frames go without checksums. Default false. */
  readonly authenticated?: boolean;
  /** Starts listening. @returns the address that others dial @throws TroupeError PORT_IN_USE */
  listen(address: string, onConnection: (connection: Connection) => void): Promise<string>;
  /** Dials a node; the connection reports failure through onClose. No two dials share a connection. */
  dial(address: string, lane: Lane, node?: NodeId): Connection;
  close(): Promise<void>;
}

/**
 * Named streams of byte frames, which `Transport` and `ControlTransport` are made of: over gRPC the methods of one
 * service, in memory just names.
 */
export interface Streams<Method extends string> {
  /** Starts listening. @returns the address that others dial @throws TroupeError PORT_IN_USE */
  listen(address: string, onStream: (connection: Connection, method: Method) => void): Promise<string>;
  /** Dials a node; the connection reports failure through onClose. No two dials share a connection. */
  dial(address: string, method: Method, node?: NodeId): Connection;
  close(): Promise<void>;
}
