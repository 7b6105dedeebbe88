import type { NodeId } from '../core/index.ts';
import type { RaftMessage } from '../wire/index.ts';

/** A request on the control port; body and reply are encoded by the coordinator. */
export interface ControlRequest {
  readonly kind: 'execute' | 'query' | 'write' | 'read' | 'keepalive' | 'membership' | 'scale' | 'drain';
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly traceparent?: string | undefined;
}

/** Serves the control port of one node. */
export interface ControlHandlers {
  raft(from: NodeId, messages: readonly RaftMessage[]): void;
  /** Rejects with a TroupeError, which crosses the wire with its code. */
  request(from: NodeId, request: ControlRequest): Promise<Uint8Array>;
  /** Streams deliveries (encoded) until the signal fires; slow readers are waited for. */
  watch(from: NodeId, signal: AbortSignal): AsyncIterable<Uint8Array>;
  snapshot(from: NodeId, index: number): AsyncIterable<Uint8Array>;
  /** The stream of a peer's requests broke: the peer has died, or will dial again in a moment. */
  lost?(from: NodeId): void;
}

/** The control port: peers only, never shared with user traffic. `grpc/` and `memory/` implement it. */
export interface ControlTransport {
  /** @returns the address others dial @throws TroupeError PORT_IN_USE */
  listen(address: string, handlers: ControlHandlers): Promise<string>;
  /** Never waits, never throws; drops what can't go out. */
  sendRaft(to: NodeId, messages: readonly RaftMessage[]): void;
  /** @throws TroupeError NODE_UNAVAILABLE when the peer can't be reached, or the error the peer answered */
  request(to: NodeId, request: ControlRequest): Promise<Uint8Array>;
  watch(to: NodeId, signal: AbortSignal): AsyncIterable<Uint8Array>;
  fetchSnapshot(to: NodeId, index: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Finds where a node listens now; asked again at each reconnect, since a restarted node has new ports. */
export type ResolveControlAddress = (node: NodeId) => Promise<string | undefined>;
