import { type Clock, type Logger, type NodeId, type Random, systemRandom, TroupeError } from '../../core/index.ts';
import { type RaftMessage, toErrorDetail } from '../../wire/index.ts';
import type {
  ControlHandlers,
  ControlTransport,
  ControlRequest as Request,
  ResolveControlAddress,
} from '../control-port.ts';
import type { Connection, Streams } from '../port.ts';
import { CallSender } from './call-sender.ts';
import { CallServer } from './call-server.ts';
import { readChunks, sliced, writeChunks } from './chunks.ts';
import { type ControlContext, type ControlLimits, type ControlMethod, DEFAULT_CONTROL_LIMITS } from './context.ts';
import { CONTROL_PROTOCOL, checkHello, controlProto, decode } from './messages.ts';
import { decodeBatch } from './raft-batch.ts';
import { RaftSender } from './raft-sender.ts';

const { Ack, Chunk, ControlReply, ControlRequest, SnapshotRequest, WatchRequest } = controlProto;

/** What a control port is made of. */
export interface ControlOptions {
  /** This node's name. */
  readonly self: NodeId;
  /** The cluster's id: peers of another one are refused. */
  readonly cluster: string;
  readonly streams: Streams<ControlMethod>;
  readonly resolve: ResolveControlAddress;
  readonly clock: Clock;
  readonly random?: Random;
  readonly logger: Logger;
  readonly limits?: Partial<ControlLimits>;
}

/**
 * The control port over streams of frames. To each peer there are up to two long streams, Raft messages and calls, and
 * one for each watch and each snapshot; all apart, so that none waits for another.
 */
export function openControl(options: ControlOptions): ControlTransport {
  return new Control(options);
}

class Control implements ControlTransport {
  readonly #context: ControlContext;
  readonly #raft: Map<NodeId, RaftSender> = new Map();
  readonly #calls: Map<NodeId, CallSender> = new Map();
  #closed = false;

  constructor(options: ControlOptions) {
    this.#context = {
      ...options,
      random: options.random ?? systemRandom,
      limits: { ...DEFAULT_CONTROL_LIMITS, ...options.limits },
    };
  }

  listen(address: string, handlers: ControlHandlers): Promise<string> {
    return this.#context.streams.listen(address, (connection, method) => this.#accept(connection, method, handlers));
  }

  sendRaft(to: NodeId, messages: readonly RaftMessage[]): void {
    if (this.#closed || messages.length === 0) return;
    let sender = this.#raft.get(to);
    if (sender === undefined) {
      sender = new RaftSender(this.#context, to);
      this.#raft.set(to, sender);
    }
    sender.send(messages);
  }

  async request(to: NodeId, request: Request): Promise<Uint8Array> {
    this.#checkOpen();
    let sender = this.#calls.get(to);
    if (sender === undefined) {
      sender = new CallSender(this.#context, to);
      this.#calls.set(to, sender);
    }
    return sender.request(request);
  }

  watch(to: NodeId, signal: AbortSignal): AsyncIterable<Uint8Array> {
    this.#checkOpen();
    return readChunks(this.#context, to, 'Watch', WatchRequest.serialize({ hello: this.#hello(to) }), signal);
  }

  fetchSnapshot(to: NodeId, index: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    this.#checkOpen();
    const opening = SnapshotRequest.serialize({ hello: this.#hello(to), index });
    return readChunks(this.#context, to, 'FetchSnapshot', opening, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const sender of this.#raft.values()) sender.close();
    for (const sender of this.#calls.values()) sender.close();
    await this.#context.streams.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'the control port is closed');
  }

  #hello(to: NodeId): { cluster: string; node: string; protocol: number; to: string } {
    return { cluster: this.#context.cluster, node: this.#context.self, protocol: CONTROL_PROTOCOL, to };
  }

  #accept(connection: Connection, method: ControlMethod, handlers: ControlHandlers): void {
    const { clock, limits, logger } = this.#context;
    const patience = clock.schedule(limits.helloMs, () => connection.close());
    let caller: NodeId | undefined;
    const take = this.#taker(connection, method, handlers, (from) => {
      caller = from;
    });
    connection.onClose(() => {
      patience.cancel();
      if (caller !== undefined) handlers.lost?.(caller);
    });
    connection.onFrame((bytes) => {
      patience.cancel();
      try {
        take(bytes);
      } catch (error) {
        logger.warn('control stream refused', { method, error });
        connection.write(refusal(method, error));
        connection.close();
      }
    });
  }

  /** What is done with the frames of a stream that a peer opened. */
  #taker(
    connection: Connection,
    method: ControlMethod,
    handlers: ControlHandlers,
    calling: (from: NodeId) => void,
  ): (bytes: Uint8Array) => void {
    const { cluster, self, limits } = this.#context;
    const proven = connection.peer;
    let from: NodeId | undefined;
    switch (method) {
      case 'Raft':
        return (bytes) => {
          const batch = decodeBatch(bytes);
          from ??= checkHello(batch.hello, cluster, self, proven);
          handlers.raft(from, batch.messages ?? []);
        };
      case 'Call': {
        let server: CallServer | undefined;
        return (bytes) => {
          const request = decode(ControlRequest, bytes);
          if (server === undefined) {
            const caller = checkHello(request.hello, cluster, self, proven);
            server = new CallServer(this.#context, connection, caller, handlers);
            calling(caller);
          }
          void server.serve(request);
        };
      }
      case 'Watch':
        return (bytes) => {
          if (from !== undefined) return;
          const node = checkHello(decode(WatchRequest, bytes).hello, cluster, self, proven);
          from = node;
          void writeChunks(connection, (signal) => handlers.watch(node, signal), limits.bodyBytesMax);
        };
      case 'FetchSnapshot':
        return (bytes) => {
          if (from !== undefined) return;
          const { hello, index = 0 } = decode(SnapshotRequest, bytes);
          const node = checkHello(hello, cluster, self, proven);
          from = node;
          const chunks = (): AsyncIterable<Uint8Array> => sliced(handlers.snapshot(node, index), limits.chunkBytes);
          void writeChunks(connection, chunks, limits.chunkBytes);
        };
    }
  }
}

function refusal(method: ControlMethod, thrown: unknown): Uint8Array {
  const error = toErrorDetail(thrown);
  if (method === 'Raft') return Ack.serialize({ refusal: error });
  if (method === 'Call') return ControlReply.serialize({ id: 0, error });
  return Chunk.serialize({ error });
}
