import { createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { Host } from '../agent/index.ts';
import type { NodeActors, PoolStatus } from '../cluster/index.ts';
import type { ChangeVoters, Coordinator, Relay } from '../coordinator/index.ts';
import { type Clock, delay, errorMessage, type Logger, TroupeError } from '../core/index.ts';
import { type Listener, listenTls, type Tls } from '../remote/index.ts';
import { Calls } from './calls.ts';
import { LedgerFeed } from './ledger-feed.ts';
import { API_MESSAGE_BYTES_MAX, API_STREAMS_MAX } from './limits.ts';
import { apiPackage, TROUPE_SERVICE, troupeService } from './schema.ts';
import { type Drain, troupeHandlers } from './service.ts';

/** What the health service calls the sources of notices: they all answer, or some doesn't. */
export const PREEMPTION_SERVICE = 'troupe.preemption';

/** What serving the API takes. */
export interface ServeApiOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly host: Host;
  /** Of this node's present life. @throws TroupeError SHUTTING_DOWN when there is none */
  readonly actors: () => NodeActors;
  readonly coordinator: Coordinator & Relay;
  /** This node's id. */
  readonly node: string;
  readonly drain: Drain;
  readonly changeVoters: ChangeVoters;
  /** Asks the leader how pools are scaled. */
  readonly scale: (timeoutMs: number) => Promise<readonly PoolStatus[]>;
  /** The cluster's name, told in its status. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** TLS; without it the address must be a loopback one, or `insecure` be set. */
  readonly tls?: Tls | undefined;
  /** With TLS: turns away clients without a certificate of the cluster. Default false. */
  readonly clientCertificates?: boolean;
  /** Serves beyond loopback without TLS: anyone who reaches the port may use the cluster. */
  readonly insecure?: boolean;
  /** Default 16 MiB. */
  readonly messageBytesMax?: number;
  /** Per connection; default 1,000. */
  readonly streamsMax?: number;
}

/** The API port while it is open. */
export interface ApiServer {
  /** `host:port` with the real port. */
  readonly address: string;
  /** Says by the health service whether a part of the node works. */
  setServing(service: string, serving: boolean): void;
  /** Ends streams at once (their clients move on), lets calls finish for `timeoutMs`, then breaks them off. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Serves `troupe.v1.Troupe`, the standard health service and reflection on one port.
 *
 * @throws TroupeError PORT_IN_USE, or INVALID_CONFIGURATION for a bad address or one that would need TLS
 */
export async function serveApi(options: ServeApiOptions): Promise<ApiServer> {
  const { address, clock, coordinator } = options;
  const logger = options.logger.child({ part: 'api' });
  const { host, port } = splitAddress(address);
  if (options.tls === undefined && !options.insecure && !isLoopback(host)) {
    throw new TroupeError(
      'INVALID_CONFIGURATION',
      `the API would listen on ${host} without TLS; run troupe certs and set tls, or allow it with insecure: true`,
      { address },
    );
  }
  if (port !== 0) await probe(host, port, address);

  const messageBytesMax = options.messageBytesMax ?? API_MESSAGE_BYTES_MAX;
  const server = new Server({
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.max_concurrent_streams': options.streamsMax ?? API_STREAMS_MAX,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const feed = new LedgerFeed(coordinator);
  const calls = new Calls(clock, logger);
  server.addService(troupeService, { ...troupeHandlers({ ...options, feed }, calls) });
  const health = new HealthImplementation({
    '': 'SERVING',
    [TROUPE_SERVICE]: 'SERVING',
    [PREEMPTION_SERVICE]: 'SERVING',
  });
  health.addToServer(server);
  new ReflectionService(apiPackage).addToServer(server);

  let bound: number;
  let listener: Listener | undefined;
  try {
    if (options.tls === undefined) bound = await bind(server, address);
    else {
      const { tls, clientCertificates = false } = options;
      const expected = { cluster: tls.cluster, kinds: ['node', 'client'], anonymous: !clientCertificates } as const;
      listener = await listenTls(server, address, tls, expected);
      bound = listener.port;
    }
  } catch (error) {
    feed.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  const close = async (timeoutMs: number): Promise<void> => {
    health.setStatus('', 'NOT_SERVING');
    health.setStatus(TROUPE_SERVICE, 'NOT_SERVING');
    calls.close();
    const done = new AbortController();
    listener?.close();
    const finished = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    await Promise.race([finished, delay(clock, timeoutMs, done.signal)]);
    done.abort();
    calls.abort();
    server.forceShutdown();
    feed.close();
  };
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${bound}`,
    setServing: (service, serving) => health.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING'),
    close: (timeoutMs) => {
      closing ??= close(timeoutMs);
      return closing;
    },
  };
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new TroupeError('INVALID_CONFIGURATION', `"${address}" is not host:port`, { address });
  }
  return { host: (match[1] ?? match[2]) as string, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function portError(error: unknown, address: string): TroupeError {
  if (errorMessage(error).includes('EADDRINUSE')) {
    return new TroupeError(
      'PORT_IN_USE',
      `another program listens on ${address}; stop it, or choose another API port`,
      { address },
    );
  }
  return new TroupeError('INVALID_CONFIGURATION', `can't listen on ${address}: ${errorMessage(error)}`, { address });
}

/** grpc-js prints a line of its own when a port is taken; asking the system first keeps it to our one line. */
function probe(host: string, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once('error', (error) => reject(portError(error, address)));
    listener.listen({ host, port, exclusive: true }, () => listener.close(() => resolve()));
  });
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(portError(error, address));
    });
  });
}
