import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type ServiceDefinition, status } from '@grpc/grpc-js';
import { type Clock, errorMessage, isTroupeError, type NodeId, systemClock, type Timer } from '../../core/index.ts';
import { type Listener, listenAt, splitAddress } from '../listen.ts';
import type { Connection, Streams } from '../port.ts';
import { identityOf, type Tls } from '../tls/index.ts';
import { GrpcConnection } from './connection.ts';
import { checkExposure } from './credentials.ts';

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
  /** Times dials and keepalives. Default: this machine's. */
  readonly clock?: Clock;
  /** Every so often each connection is asked for a sign of life, ms. */
  readonly keepaliveMs: number;
  /** ... and given up after this long without one, ms. */
  readonly keepaliveTimeoutMs: number;
}

/**
 * A connection that isn't there after so long is given up, ms. Without a limit TCP tries by itself, in a rhythm that slows down to
 * half a minute: a healed network would stay unnoticed for as long.
 */
const CONNECT_MS = 1_000;
/** Streams that one caller may have open on one connection; our own diallers have one. */
const STREAMS_MAX = 256;

const CONTENT_TYPE = 'application/grpc';
const ANSWER: OutgoingHttpHeaders = { ':status': 200, 'content-type': CONTENT_TYPE };
const OTHER_SIDE_ENDED = 'the other side ended the stream';
const OTHER_SIDE_GONE = 'the other side is gone';

/** A method as callers name it. */
interface Method<Name extends string> {
  readonly name: Name;
  /** Callers end their requests only when they end the stream. */
  readonly requestStream: boolean;
}

/**
 * Streams over gRPC: its protocol over HTTP/2, spoken by ourselves on Node's own HTTP/2. Any gRPC client or server is understood, a
 * test holds that. `@grpc/grpc-js` is made for calls: its filters, retries and promises for each message cost more than all else
 * of an ask between two nodes ([decision 27](../../../docs/decisions/0027-peers-speak-grpc-over-nodes-http2.md)).
 *
 * Each dial has an HTTP/2 session of its own: no stream waits behind another, and a broken one is dialled anew by its user's
 * backoff. Every method is served and called as if both sides streamed, which on the wire is what its declaration says too: a
 * single request is a stream of one.
 */
export class GrpcStreams<Name extends string> implements Streams<Name> {
  readonly #options: GrpcStreamsOptions;
  readonly #clock: Clock;
  readonly #methods: Map<string, Method<Name>> = new Map();
  readonly #dialled: Set<GrpcConnection> = new Set();
  readonly #served: Set<ServerHttp2Session> = new Set();
  #listener: Listener | undefined;

  constructor(options: GrpcStreamsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (const [name, { path, requestStream }] of Object.entries(options.service))
      this.#methods.set(path, { name: name as Name, requestStream });
  }

  async listen(address: string, onStream: (connection: Connection, method: Name) => void): Promise<string> {
    const { tls, allowInsecureBeyondLoopback = false } = this.#options;
    checkExposure(address, tls, allowInsecureBeyondLoopback);
    const serve = (socket: Socket): void => this.#serve(socket, onStream);
    this.#listener =
      tls === undefined
        ? await listenAt(createServer({ noDelay: true }, serve), address)
        : await tls.listen(address, { cluster: tls.cluster, kinds: ['node'] }, serve);
    return `${address.slice(0, address.lastIndexOf(':'))}:${this.#listener.port}`;
  }

  dial(address: string, method: Name, node?: NodeId): Connection {
    const socket = connectTcp({ ...splitAddress(address), noDelay: true });
    const overdue = this.#clock.schedule(CONNECT_MS, () => connection.closed(`no connection within ${CONNECT_MS} ms`));
    let session: ClientHttp2Session | undefined;
    const connection = new GrpcConnection({
      frameBytesMax: this.#options.frameBytesMax,
      end: () => {
        overdue.cancel();
        this.#dialled.delete(connection);
        session?.destroy();
        socket.destroy();
      },
    });
    this.#dialled.add(connection);
    const failed = (error: unknown): void => connection.closed(errorMessage(error));
    socket.on('error', failed);
    socket.once('connect', () => {
      this.#secured(socket, node)
        .then((secured) => {
          if (!this.#dialled.has(connection)) return;
          session = this.#begin(address, secured, overdue, connection);
          connection.attach(this.#request(session, method, connection));
        })
        .catch(failed);
    });
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.#dialled) connection.close();
    this.#listener?.close();
    this.#listener = undefined;
    for (const session of this.#served) session.destroy();
  }

  // --- dialling ------------------------------------------------------------------------------------------------------

  async #secured(socket: Socket, node: NodeId | undefined): Promise<Socket> {
    const { tls } = this.#options;
    return tls === undefined ? socket : tls.secure(socket, { cluster: tls.cluster, kinds: ['node'], name: node });
  }

  #begin(address: string, socket: Socket, overdue: Timer, connection: GrpcConnection): ClientHttp2Session {
    const session = connectHttp2(`http://${address}`, {
      createConnection: () => socket,
      settings: { initialWindowSize: this.#options.windowBytes, enablePush: false },
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    session.once('remoteSettings', () => overdue.cancel());
    session.on('error', (error) => connection.closed(errorMessage(error)));
    session.once('close', () => connection.closed(OTHER_SIDE_GONE));
    session.once('connect', () => session.setLocalWindowSize(this.#options.windowBytes));
    this.#keepAlive(session, (reason) => connection.closed(reason));
    return session;
  }

  #request(session: ClientHttp2Session, method: Name, connection: GrpcConnection): ClientHttp2Stream {
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': this.#options.service[method]!.path,
        'content-type': CONTENT_TYPE,
        te: 'trailers',
      },
      { endStream: false },
    );
    let reason = OTHER_SIDE_ENDED;
    const told = (headers: IncomingHttpHeaders): void => {
      reason = endReason(headers) ?? reason;
    };
    stream.once('response', told);
    stream.once('trailers', told);
    stream.once('end', () => connection.closed(reason));
    stream.once('error', (error) => connection.closed(errorMessage(error)));
    stream.once('close', () => connection.closed(reason));
    return stream;
  }

  // --- listening -----------------------------------------------------------------------------------------------------

  #serve(socket: Socket, onStream: (connection: Connection, method: Name) => void): void {
    const { windowBytes } = this.#options;
    const session = performServerHandshake(socket, {
      settings: { initialWindowSize: windowBytes, maxConcurrentStreams: STREAMS_MAX },
      // Node counts what waits for a slow reader, too, and then breaks streams; who writes obeys `write` instead.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    session.setLocalWindowSize(windowBytes);
    this.#served.add(session);
    session.on('error', () => session.destroy());
    session.once('close', () => this.#served.delete(session));
    this.#keepAlive(session, () => session.destroy());
    const peer = socket instanceof TLSSocket ? provenBy(socket) : undefined;
    session.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      const method = this.#methods.get(headers[':path'] ?? '');
      if (method === undefined || !String(headers['content-type']).startsWith(CONTENT_TYPE)) return turnAway(stream);
      onStream(this.#answer(stream, method, peer), method.name);
    });
  }

  #answer(stream: ServerHttp2Stream, method: Method<Name>, peer: NodeId | undefined): GrpcConnection {
    let trailers: OutgoingHttpHeaders = { 'grpc-status': status.OK };
    const connection = new GrpcConnection({
      peer,
      frameBytesMax: this.#options.frameBytesMax,
      end: (refused) => {
        if (refused !== undefined) trailers = refusal(refused);
        stream.end();
      },
    });
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    stream.once('close', () => connection.closed(OTHER_SIDE_GONE));
    if (method.requestStream) stream.once('end', () => connection.closed(OTHER_SIDE_ENDED));
    stream.respond(ANSWER, { waitForTrailers: true });
    connection.attach(stream);
    return connection;
  }

  /** Gives a session up that gives no sign of life. */
  #keepAlive(session: Http2Session, giveUp: (reason: string) => void): void {
    const { keepaliveMs, keepaliveTimeoutMs } = this.#options;
    let overdue: Timer | undefined;
    const heard = (): void => {
      overdue?.cancel();
      overdue = undefined;
    };
    const ticks = this.#clock.repeat(keepaliveMs, () => {
      if (overdue !== undefined || session.destroyed || session.connecting) return;
      overdue = this.#clock.schedule(keepaliveTimeoutMs, () =>
        giveUp(`no sign of life within ${keepaliveTimeoutMs} ms`),
      );
      session.ping(heard);
    });
    session.once('close', () => {
      ticks.cancel();
      heard();
    });
  }
}

/** Whom the caller's certificate names. One that names nobody was refused before; if it weren't, no hello fits the empty name. */
function provenBy(socket: TLSSocket): NodeId {
  return identityOf(socket.getPeerCertificate().subjectaltname)?.name ?? '';
}

/** Why the server ended the stream, as far as these headers tell: other than in peace. */
function endReason(headers: IncomingHttpHeaders): string | undefined {
  const code = headers['grpc-status'];
  const http = Number(headers[':status'] ?? 200);
  if (code === undefined) return http === 200 ? undefined : `it answered with HTTP status ${http}`;
  if (Number(code) === status.OK) return undefined;
  const message = String(headers['grpc-message'] ?? '');
  try {
    return decodeURIComponent(message) || status[Number(code)];
  } catch {
    return message;
  }
}

function refusal(error: unknown): OutgoingHttpHeaders {
  const code = isTroupeError(error, 'MESSAGE_TOO_LARGE') ? status.RESOURCE_EXHAUSTED : status.INTERNAL;
  return { 'grpc-status': code, 'grpc-message': encodeURIComponent(errorMessage(error)) };
}

/** Somebody calls what isn't served here. */
function turnAway(stream: ServerHttp2Stream): void {
  stream.respond({ ...ANSWER, 'grpc-status': status.UNIMPLEMENTED }, { endStream: true });
}
