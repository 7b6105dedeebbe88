import {
  Channel,
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import {
  backoffMs,
  type Clock,
  delay,
  errorMessage,
  isTroupeError,
  type Random,
  TroupeError,
} from '../../core/index.ts';
import type { ProtoGrpcType } from '../../wire/generated/etcd.ts';
import type { KVClient } from '../../wire/generated/etcdserverpb/KV.ts';
import type { LeaseClient } from '../../wire/generated/etcdserverpb/Lease.ts';
import type { WatchClient } from '../../wire/generated/etcdserverpb/Watch.ts';
import { loadProto } from '../../wire/index.ts';
import { fromCompaction, toEvents, toRange, toTxn, toTxnReply } from './messages.ts';
import type { Etcd, KeyRange, Txn, TxnReply, WatchEvent } from './port.ts';

/**
 * An endpoint has so long to answer before the next is asked, ms. Short, as one that hangs stops all that is written; it doubles
 * with each round over the endpoints, as repeating costs etcd most when it is slow already.
 */
const ATTEMPT_MS = 500;
/** Pause after every endpoint has failed. */
const ROUND_BACKOFF = { minMs: 20, maxMs: 500, jitter: 0.5 };

const CHANNEL_OPTIONS: ChannelOptions = {
  // etcd hangs up on clients that ping more often than every 5 s.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
};

/** Certificates for etcd, PEM. */
export interface EtcdTls {
  /** Whom to believe; the system's authorities without it. */
  readonly ca?: Buffer;
  /** Who we are, where etcd asks: also how it knows the user. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** How etcd is reached. */
export interface EtcdClientOptions {
  /** `host:port`, or a URL with http or https; several are tried in turn. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

interface Endpoint {
  readonly address: string;
  readonly channel: Channel;
  readonly kv: KVClient;
  readonly lease: LeaseClient;
  readonly watch: WatchClient;
}

interface Cancellable {
  cancel(): void;
}

/** How long a lease lives now, s. */
interface Prolonged {
  readonly TTL?: number;
}

type Start<R> = (endpoint: Endpoint, done: (error: Error | null, reply?: R) => void) => Cancellable;

/** Connects to etcd's v3 API. Connections are made when they are needed. */
export function connectEtcd(options: EtcdClientOptions): Etcd {
  return new EtcdClient(options);
}

class EtcdClient implements Etcd {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #endpoints: readonly Endpoint[];
  readonly #closing: AbortController = new AbortController();
  /** Which endpoint is spoken to, until it fails. */
  #current: number;

  constructor({ endpoints, tls, clock, random }: EtcdClientOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#endpoints = endpoints.map((endpoint) => connect(endpoint, tls));
    // Members of a cluster spread over the endpoints.
    this.#current = random.int(0, endpoints.length);
  }

  async txn(txn: Txn, limitMs: number): Promise<TxnReply> {
    const request = toTxn(txn);
    return toTxnReply(await this.#call(({ kv }, done) => kv.txn(request, done), limitMs));
  }

  async grant(lease: number, ttlMs: number, limitMs: number): Promise<number> {
    const request = { ID: lease, TTL: Math.ceil(ttlMs / 1_000) };
    const reply = await this.#call<Prolonged>((to, done) => to.lease.leaseGrant(request, done), limitMs);
    return (reply.TTL ?? 0) * 1_000;
  }

  async keepAlive(lease: number, limitMs: number): Promise<number> {
    const reply = await this.#call<Prolonged>((to, done) => {
      const stream = to.lease.leaseKeepAlive();
      stream.on('data', (prolonged) => done(null, prolonged));
      stream.on('error', done);
      stream.on('end', () => done(new TroupeError('NODE_UNAVAILABLE', 'etcd ended the stream')));
      stream.write({ ID: lease });
      return stream;
    }, limitMs);
    return (reply.TTL ?? 0) * 1_000;
  }

  async revoke(lease: number, limitMs: number): Promise<void> {
    try {
      await this.#call((to, done) => to.lease.leaseRevoke({ ID: lease }, done), limitMs);
    } catch (error) {
      if (!isTroupeError(error, 'NOT_FOUND')) throw error;
    }
  }

  async *watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    if (ended.aborted) return;
    const endpoint = this.#endpoints[this.#current] as Endpoint;
    // A member of etcd that lost its majority would be silent without this.
    const metadata = new Metadata();
    metadata.set('hasleader', 'true');
    const stream = endpoint.watch.watch(metadata);
    const cancel = (): void => stream.cancel();
    // A cancelled stream fails once more when nobody iterates it.
    stream.on('error', () => undefined);
    ended.addEventListener('abort', cancel, { once: true });
    try {
      stream.write({ createRequest: { ...toRange(range), startRevision: fromRevision } });
      for await (const response of stream) {
        if (response.canceled) throw fromCompaction(response);
        if (response.events !== undefined && response.events.length > 0) yield toEvents(response.events);
      }
      throw new TroupeError('NODE_UNAVAILABLE', 'etcd ended the watch', { address: endpoint.address });
    } catch (error) {
      if (ended.aborted) return;
      throw isTroupeError(error) ? error : (refusalOf(error) ?? this.#failed(endpoint, error));
    } finally {
      ended.removeEventListener('abort', cancel);
      cancel();
    }
  }

  async compact(revision: number, limitMs: number): Promise<void> {
    await this.#call(({ kv }, done) => kv.compact({ revision }, done), limitMs);
  }

  close(): void {
    this.#closing.abort();
    for (const { channel } of this.#endpoints) channel.close();
  }

  /** Tries one endpoint after another. */
  async #call<R>(start: Start<R>, limitMs: number): Promise<R> {
    const { signal } = this.#closing;
    const until = this.#clock.monotonic() + limitMs;
    for (let attempt = 0; ; attempt++) {
      const round = Math.floor(attempt / this.#endpoints.length);
      const endpoint = this.#endpoints[this.#current] as Endpoint;
      try {
        if (signal.aborted) throw new TroupeError('SHUTTING_DOWN', 'the connection to etcd is closed');
        return await this.#attempt(start, endpoint, Math.min(ATTEMPT_MS * 2 ** round, until - this.#clock.monotonic()));
      } catch (error) {
        if (isTroupeError(error, 'SHUTTING_DOWN')) throw error;
        const refusal = refusalOf(error);
        if (refusal !== undefined) throw refusal;
        const { message } = this.#failed(endpoint, error);
        const last = (attempt + 1) % this.#endpoints.length === 0;
        const pauseMs = last ? backoffMs(ROUND_BACKOFF, round, this.#random) : 0;
        if (this.#clock.monotonic() + pauseMs >= until) {
          const address = this.#endpoints.map((each) => each.address).join(', ');
          throw new TroupeError('TIMEOUT', `etcd gave no answer: ${message}`, { address, cause: error });
        }
        if (pauseMs > 0) await delay(this.#clock, pauseMs, signal);
      }
    }
  }

  #attempt<R>(start: Start<R>, endpoint: Endpoint, limitMs: number): Promise<R> {
    const { signal } = this.#closing;
    return new Promise<R>((resolve, reject) => {
      const timer = this.#clock.schedule(limitMs, () =>
        end(new TroupeError('TIMEOUT', `no answer within ${Math.round(limitMs)} ms`)),
      );
      const closed = (): void => end(new TroupeError('SHUTTING_DOWN', 'the connection to etcd was closed'));
      const end = (error: Error | null, reply?: R): void => {
        timer.cancel();
        signal.removeEventListener('abort', closed);
        if (error === null) resolve(reply as R);
        else reject(error);
        call?.cancel();
      };
      let call: Cancellable | undefined;
      signal.addEventListener('abort', closed, { once: true });
      call = start(endpoint, end);
    });
  }

  /** An endpoint failed: the next one's turn. */
  #failed(endpoint: Endpoint, cause: unknown): TroupeError {
    if (this.#endpoints[this.#current] === endpoint) this.#current = (this.#current + 1) % this.#endpoints.length;
    const { address } = endpoint;
    return new TroupeError('NODE_UNAVAILABLE', `${address}: ${errorMessage(cause)}`, { address, cause });
  }
}

function connect(endpoint: string, tls: EtcdTls | undefined): Endpoint {
  const { KV, Lease, Watch } = loadProto<ProtoGrpcType>('etcd/etcd.proto').etcdserverpb;
  const address = endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const secure = tls !== undefined || endpoint.startsWith('https:');
  const given: ChannelCredentials = secure
    ? credentials.createSsl(tls?.ca ?? null, tls?.key ?? null, tls?.cert ?? null)
    : credentials.createInsecure();
  const channel = new Channel(address, given, CHANNEL_OPTIONS);
  const options = { channelOverride: channel };
  return {
    address,
    channel,
    kv: new KV(address, given, options),
    lease: new Lease(address, given, options),
    watch: new Watch(address, given, options),
  };
}

/** What etcd refuses for good; undefined when another endpoint, or the same one later, may do it. */
function refusalOf(thrown: unknown): TroupeError | undefined {
  const { code, details } = thrown as Partial<ServiceError>;
  const refuse = (as: 'NOT_FOUND' | 'DISK_FULL' | 'INVALID_CONFIGURATION' | 'PROTOCOL_VIOLATION'): TroupeError =>
    new TroupeError(as, `etcd refused: ${details}`, { cause: thrown });
  switch (code) {
    case status.NOT_FOUND:
    case status.OUT_OF_RANGE:
      return refuse('NOT_FOUND');
    case status.RESOURCE_EXHAUSTED:
      if (details?.includes('too many requests')) return undefined;
      return refuse(details?.includes('space exceeded') ? 'DISK_FULL' : 'PROTOCOL_VIOLATION');
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return refuse('INVALID_CONFIGURATION');
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
    case status.UNIMPLEMENTED:
      return refuse('PROTOCOL_VIOLATION');
    default:
      return undefined;
  }
}
