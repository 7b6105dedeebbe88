import {
  Client,
  type ClientDuplexStream,
  connectivityState,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  type ServiceError,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { type Clock, type NodeId, systemClock, TroupeError } from '../../core/index.ts';
import { asBuffer } from '../../wire/index.ts';
import type { Connection, Streams } from '../port.ts';
import { identityOf, type Tls, type TlsListener } from '../tls/index.ts';
import { channelCredentials, checkExposure, listenTls } from './credentials.ts';
import { widenServerWindow } from './flow-window.ts';

/** How a port of gRPC streams is set up. */
export interface GrpcStreamsOptions {
  /** The service, from its `.proto` file; its methods are the streams. */
  readonly service: ServiceDefinition;
  /** Lets only nodes of the cluster in, and dials none but the node that is meant. Default: in clear, on loopback only. */
  readonly tls?: Tls | undefined;
  /** Lets a port without TLS listen beyond loopback. Default false. */
  readonly allowInsecureBeyondLoopback?: boolean;
  /** Largest frame, bytes. */
  readonly frameBytesMax: number;
  /** What may be under way to a receiver that doesn't read, bytes; bandwidth times round trip is enough. */
  readonly windowBytes: number;
  /** Times dials. gRPC's own keepalive runs by this machine's clock in any case. Default: this machine's. */
  readonly clock?: Clock;
  /** A connection silent for this long is asked for a sign of life, ms. */
  readonly keepaliveMs: number;
  /** ... and given up after this long without one, ms. */
  readonly keepaliveTimeoutMs: number;
}

/**
 * A connection that isn't there after so long is given up, ms. Without a limit TCP tries by itself, in a rhythm that slows down to
 * half a minute: a healed network would stay unnoticed for as long.
 */
const CONNECT_MS = 1_000;

// grpc-js writes to stderr what it also throws; each error has one line, and it is ours.
if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);

// Frames are encoded and decoded by those who use them: to grpc-js they are bytes already.
const same = (bytes: Buffer): Buffer => bytes;

/**
 * Streams over gRPC. Each dial has a channel, and so an HTTP/2 session, of its own: no stream waits behind another, and a
 * broken one is dialled anew at once, by its user's backoff instead of the channel's.
 *
 * Every method is served and called as if both sides streamed, which on the wire is what its declaration says too: a
 * single request is a stream of one.
 */
export class GrpcStreams<Method extends string> implements Streams<Method> {
  readonly #options: GrpcStreamsOptions;
  readonly #dialled: Set<GrpcConnection> = new Set();
  #server: Server | undefined;
  #listener: TlsListener | undefined;

  constructor(options: GrpcStreamsOptions) {
    this.#options = options;
  }

  async listen(address: string, onStream: (connection: Connection, method: Method) => void): Promise<string> {
    const { tls } = this.#options;
    checkExposure(address, tls, this.#options.allowInsecureBeyondLoopback ?? false);
    // Without channelz grpc-js forgets which sessions it has, and `forceShutdown` leaves them open.
    const server = new Server({ ...this.#channelOptions(), 'grpc.enable_channelz': 1 });
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, (call: ServerDuplexStream<Buffer, Uint8Array>) => void> = {};
    for (const [method, declared] of Object.entries(this.#options.service)) {
      definition[method] = {
        ...declared,
        requestStream: true,
        responseStream: true,
        requestSerialize: asBuffer,
        requestDeserialize: same,
        responseSerialize: asBuffer,
        responseDeserialize: same,
      };
      handlers[method] = (call) => {
        const peer = tls === undefined ? undefined : provenBy(call);
        onStream(servedConnection(call, declared.requestStream, peer), method as Method);
      };
      widenServerWindow(declared.path.split('/')[1]!, this.#options.windowBytes);
    }
    server.addService(definition, handlers);
    let port: number;
    if (tls === undefined) port = await bind(server, address);
    else {
      this.#listener = await listenTls(server, address, tls, { cluster: tls.cluster, kinds: ['node'] });
      port = this.#listener.port;
    }
    this.#server = server;
    return `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
  }

  dial(address: string, method: Method, node?: NodeId): Connection {
    const { tls } = this.#options;
    const credentials = channelCredentials(tls, { cluster: tls?.cluster, kinds: ['node'], name: node });
    const client = new Client(address, credentials, this.#channelOptions());
    const call = client.makeBidiStreamRequest(this.#options.service[method]!.path, asBuffer, same);
    const overdue = (this.#options.clock ?? systemClock).schedule(CONNECT_MS, () => {
      if (client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
      connection.closed(`no connection within ${CONNECT_MS} ms`);
    });
    const connection = dialledConnection(call, () => {
      overdue.cancel();
      this.#dialled.delete(connection);
      client.close();
    });
    this.#dialled.add(connection);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.#dialled) connection.close();
    this.#listener?.close();
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  #channelOptions(): Record<string, number> {
    const { frameBytesMax, windowBytes, keepaliveMs, keepaliveTimeoutMs } = this.#options;
    return {
      'grpc.max_send_message_length': frameBytesMax,
      'grpc.max_receive_message_length': frameBytesMax,
      'grpc-node.flow_control_window': windowBytes,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      'grpc.enable_retries': 0,
    };
  }
}

/**
 * Binds a gRPC server to one address, in clear.
 *
 * @returns the port, also when 0 was asked for
 * @throws TroupeError PORT_IN_USE, or INVALID_CONFIGURATION when the address can't be bound at all
 */
function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) return resolve(port);
      const taken = error.message.includes('EADDRINUSE');
      reject(
        taken
          ? new TroupeError('PORT_IN_USE', `another program listens on ${address}`, { address })
          : new TroupeError('INVALID_CONFIGURATION', `can't listen on ${address}: ${error.message}`, { address }),
      );
    });
  });
}

type Duplex = ClientDuplexStream<Uint8Array, Buffer> | ServerDuplexStream<Buffer, Uint8Array>;

/** Whom the caller's certificate names. One that names nobody was refused before; if it weren't, no hello fits the empty name. */
function provenBy(call: ServerDuplexStream<Buffer, Uint8Array>): NodeId {
  return identityOf(call.getAuthContext().sslPeerCertificate?.subjectaltname)?.name ?? '';
}

class GrpcConnection implements Connection {
  readonly peer: NodeId | undefined;
  readonly #stream: Duplex;
  readonly #end: () => void;
  #open = true;
  #frameListener: ((frame: Uint8Array) => void) | undefined;
  #drainListener: (() => void) | undefined;
  #closeListener: ((reason: string) => void) | undefined;

  constructor(stream: Duplex, end: () => void, peer?: NodeId) {
    this.peer = peer;
    this.#stream = stream;
    this.#end = end;
    stream.on('drain', () => {
      if (this.#open) this.#drainListener?.();
    });
  }

  write(frame: Uint8Array): boolean {
    return this.#open && this.#stream.write(frame);
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    if (this.#frameListener === undefined) {
      this.#stream.on('data', (frame: Buffer) => {
        if (this.#open) this.#frameListener?.(frame);
      });
    }
    this.#frameListener = listener;
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  onClose(listener: (reason: string) => void): void {
    this.#closeListener = listener;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end();
  }

  /** The stream is over, and this side didn't ask for it. */
  closed(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end();
    this.#closeListener?.(reason);
  }
}

function dialledConnection(call: ClientDuplexStream<Uint8Array, Buffer>, release: () => void): GrpcConnection {
  const connection = new GrpcConnection(call, () => {
    call.cancel();
    release();
  });
  call.on('error', (error: ServiceError) => connection.closed(error.details || status[error.code] || error.message));
  call.on('end', () => connection.closed('the other side ended the stream'));
  return connection;
}

function servedConnection(
  call: ServerDuplexStream<Buffer, Uint8Array>,
  endsWithRequests: boolean,
  peer: NodeId | undefined,
): GrpcConnection {
  const connection = new GrpcConnection(call, () => call.end(), peer);
  call.on('error', (error) => connection.closed(error.message));
  call.on('cancelled', () => connection.closed('the other side is gone'));
  call.on('close', () => connection.closed('the other side is gone'));
  if (endsWithRequests) call.on('end', () => connection.closed('the other side ended the stream'));
  return connection;
}
