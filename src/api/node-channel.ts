import { type ChannelCredentials, type Client, connectivityState, Metadata } from '@grpc/grpc-js';
import { type Clock, type Logger, type Random, TroupeError } from '../core/index.ts';
import { channelCredentials, type Tls } from '../remote/index.ts';
import type { ProtoGrpcType } from '../wire/generated/api.ts';
import type { TroupeClient } from '../wire/generated/troupe/v1/Troupe.ts';
import { loadProto } from '../wire/index.ts';
import { API_MESSAGE_BYTES_MAX } from './limits.ts';

/** How long one node may take to answer the connection before the next is tried, ms. */
const CONNECT_MS = 1_000;
/** A connection that doesn't answer a ping for this long is dead, ms. */
const PING_MS = 2_000;

/** What finding a node takes. */
export interface NodeChannelOptions {
  /** API addresses of the cluster's nodes, `host:port`; asked again at each reconnect, since a restarted node has new ports. */
  readonly addresses: () => Promise<readonly string[]> | readonly string[];
  /** TLS; the servers must be nodes of its cluster. Default none. */
  readonly tls?: Tls | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A connection that is up. */
export interface Connected {
  readonly address: string;
  readonly client: TroupeClient;
}

const Troupe = loadProto<ProtoGrpcType>('troupe/v1/api.proto').troupe.v1.Troupe;

/** One connection to any node of the cluster; when it is lost the next call finds another node. */
export class NodeChannel {
  readonly #options: NodeChannelOptions;
  readonly #credentials: ChannelCredentials;
  #current: Connected | undefined;
  #dialing: Promise<Connected> | undefined;
  /** A node that is being tried because it is better than the present one. */
  #preferred: string | undefined;
  /** The node that was lost last is tried last. */
  #lost = '';
  readonly #closing: AbortController = new AbortController();
  /** Fires at `close`. */
  readonly closed: AbortSignal = this.#closing.signal;

  constructor(options: NodeChannelOptions) {
    this.#options = options;
    this.#credentials = channelCredentials(options.tls, { cluster: options.tls?.cluster, kinds: ['node'] });
  }

  /**
   * A connection that is up now.
   *
   * @throws TroupeError NODE_UNAVAILABLE when no node answers, SHUTTING_DOWN after `close`
   */
  async get(): Promise<Connected> {
    this.throwIfClosed();
    const current = this.#current;
    if (current !== undefined) {
      if (current.client.getChannel().getConnectivityState(false) === connectivityState.READY) return current;
      this.lost(current);
    }
    this.#dialing ??= this.#dial().finally(() => {
      this.#dialing = undefined;
    });
    return this.#dialing;
  }

  /** Goes over to this node, if it isn't the present one, as soon as it answers. */
  async prefer(address: string): Promise<void> {
    if (this.closed.aborted || this.#current?.address === address || this.#preferred === address) return;
    this.#preferred = address;
    const client = this.#connect(address);
    const ready = await this.#isReady(client);
    if (ready && !this.closed.aborted && this.#preferred === address) {
      this.#current?.client.close();
      this.#current = { address, client };
    } else client.close();
    if (this.#preferred === address) this.#preferred = undefined;
  }

  /** Gives a connection up. Calls that still run on it may finish. */
  lost(connected: Connected): void {
    if (this.#current !== connected) return;
    this.#current = undefined;
    this.#lost = connected.address;
    connected.client.close();
  }

  /** @throws TroupeError SHUTTING_DOWN after `close` */
  throwIfClosed(): void {
    if (this.closed.aborted) throw new TroupeError('SHUTTING_DOWN', 'this client is closed');
  }

  close(): void {
    this.#closing.abort();
    this.#current?.client.close();
    this.#current = undefined;
  }

  async #dial(): Promise<Connected> {
    const { addresses, random, logger } = this.#options;
    const all = [...new Set(await addresses())];
    const start = random.int(0, Math.max(1, all.length));
    const order = [...all.slice(start), ...all.slice(0, start)];
    order.sort((a, b) => Number(a === this.#lost) - Number(b === this.#lost));
    for (const address of order) {
      const client = this.#connect(address);
      const ready = await this.#isReady(client);
      // A better node may have answered meanwhile.
      const wanted = !this.closed.aborted && this.#current === undefined;
      if (ready && wanted) {
        logger.debug('api connected', { address });
        this.#current = { address, client };
        return this.#current;
      }
      client.close();
      if (!wanted) break;
    }
    if (this.#current !== undefined) return this.#current;
    this.throwIfClosed();
    const known = all.length === 0 ? 'no node is known' : `none answers at ${all.join(', ')}`;
    throw new TroupeError('NODE_UNAVAILABLE', `can't reach the cluster: ${known}`);
  }

  #connect(address: string): TroupeClient {
    return new Troupe(address, this.#credentials, {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.keepalive_time_ms': PING_MS,
      'grpc.keepalive_timeout_ms': PING_MS,
      'grpc.max_receive_message_length': API_MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': API_MESSAGE_BYTES_MAX,
      // Retries are ours: they know which requests may be repeated, and that another node will do.
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
    });
  }

  #isReady(client: Client): Promise<boolean> {
    const channel = client.getChannel();
    const deadline = new Date(this.#options.clock.now() + CONNECT_MS);
    return new Promise((resolve) => {
      const look = (error?: Error): void => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) resolve(true);
        else if (error || state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
          resolve(false);
        } else channel.watchConnectivityState(state, deadline, look);
      };
      look();
    });
  }
}

/** Metadata of a call that joins a trace. */
export function traceMetadata(traceparent: string | undefined): Metadata {
  const metadata = new Metadata();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  return metadata;
}
