import { type Client, credentials, type GrpcObject, loadPackageDefinition, status } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { sleep } from '../resources.ts';
import type { ValueClient } from './cluster.ts';

/** Longest that one attempt may take, ms: a member that lost its leader answers no sooner than after several seconds. */
const ATTEMPT_MS = 1_000;
/** Longest that an operation may take with all its attempts, ms. */
const OPERATION_MS = 20_000;
/** Pause between attempts, ms. */
const RETRY_MS = 5;

const field = (type: string, id: number): { type: string; id: number } => ({ type, id });
const list = (type: string, id: number): { type: string; id: number; rule: 'repeated' } => ({
  type,
  id,
  rule: 'repeated',
});
const unary = (
  requestType: string,
  responseType: string,
): { requestType: string; responseType: string; comment: string } => ({
  requestType,
  responseType,
  comment: '',
});
const definition = loadPackageDefinition(
  fromJSON(
    {
      nested: {
        etcdserverpb: {
          nested: {
            PutRequest: { fields: { key: field('bytes', 1), value: field('bytes', 2) } },
            PutResponse: { fields: {} },
            RangeRequest: { fields: { key: field('bytes', 1) } },
            KeyValue: { fields: { value: field('bytes', 5) } },
            RangeResponse: { fields: { kvs: list('KeyValue', 2) } },
            ResponseHeader: { fields: { member_id: field('uint64', 2) } },
            StatusRequest: { fields: {} },
            StatusResponse: {
              fields: { header: field('ResponseHeader', 1), leader: field('uint64', 4), raftIndex: field('uint64', 5) },
            },
            MoveLeaderRequest: { fields: { targetID: field('uint64', 1) } },
            MoveLeaderResponse: { fields: {} },
            KV: { methods: { Put: unary('PutRequest', 'PutResponse'), Range: unary('RangeRequest', 'RangeResponse') } },
            Maintenance: {
              methods: {
                Status: unary('StatusRequest', 'StatusResponse'),
                MoveLeader: unary('MoveLeaderRequest', 'MoveLeaderResponse'),
              },
            },
          },
        },
      },
    },
    { longs: String, defaults: true },
  ),
);

/** A member as it sees itself. Ids are 64 bits, so they stay text. */
export interface MemberStatus {
  readonly member: string;
  readonly leader: string;
  readonly index: number;
}

type Call = (request: object, options: { deadline: number }, done: (error: Error | null, reply: never) => void) => void;
type Stub = Client & Readonly<Record<string, Call>>;
interface Endpoint {
  readonly kv: Stub;
  readonly maintenance: Stub;
}

/** A client of etcd's v3 API: a unary call for each operation, on one connection to each member, at one member at a time. */
export class EtcdClient implements ValueClient, Disposable {
  readonly #endpoints: readonly Endpoint[];
  #at = 0;
  #looking: Promise<void> | undefined;

  constructor(addresses: readonly string[]) {
    this.#endpoints = addresses.map((address) => ({
      kv: stub('KV', address),
      maintenance: stub('Maintenance', address),
    }));
    this.#looking = this.#endpoints.length > 1 ? this.#findLeader() : undefined;
  }

  put(key: string, value: Uint8Array): Promise<unknown> {
    return this.#kv('Put', { key: Buffer.from(key), value });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { kvs } = await this.#kv<{ kvs: readonly { value: Uint8Array }[] }>('Range', { key: Buffer.from(key) });
    return kvs[0]?.value;
  }

  async status(): Promise<MemberStatus> {
    return statusOf(this.#endpoints[0] as Endpoint);
  }

  /** Hands the leadership of the first endpoint's member over. */
  async moveLeader(targetID: string): Promise<void> {
    await call((this.#endpoints[0] as Endpoint).maintenance, 'MoveLeader', { targetID }, OPERATION_MS);
  }

  close(): void {
    for (const { kv, maintenance } of this.#endpoints) {
      kv.close();
      maintenance.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #kv<R>(method: string, request: object): Promise<R> {
    const deadline = performance.now() + OPERATION_MS;
    for (;;) {
      if (this.#looking !== undefined) await this.#looking;
      const at = this.#at;
      try {
        return await call<R>((this.#endpoints[at] as Endpoint).kv, method, request, ATTEMPT_MS);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        // The next member may be better off; whoever failed at the same time has moved on already.
        const unavailable = (error as { code?: number }).code === status.UNAVAILABLE;
        if (unavailable && at === this.#at) this.#at = (at + 1) % this.#endpoints.length;
        await sleep(RETRY_MS);
      }
    }
  }

  /** The leader's own connection saves the hop that a follower would make. */
  async #findLeader(): Promise<void> {
    const all = await Promise.all(this.#endpoints.map((endpoint) => statusOf(endpoint).catch(() => undefined)));
    this.#at = Math.max(
      0,
      all.findIndex((member) => member !== undefined && member.leader === member.member),
    );
    this.#looking = undefined;
  }
}

async function statusOf({ maintenance }: Endpoint): Promise<MemberStatus> {
  const reply = await call<{ header: { member_id: string }; leader: string; raftIndex: string }>(
    maintenance,
    'Status',
    {},
    ATTEMPT_MS,
  );
  return { member: reply.header.member_id, leader: reply.leader, index: Number(reply.raftIndex) };
}

function stub(service: string, address: string): Stub {
  const make = (definition.etcdserverpb as GrpcObject)[service] as unknown as new (...args: unknown[]) => Stub;
  return new make(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
    'grpc.min_reconnect_backoff_ms': 50,
  });
}

function call<R>(client: Stub, method: string, request: object, timeoutMs: number): Promise<R> {
  return new Promise((resolve, reject) => {
    const invoke = client[method] as Call;
    invoke.call(client, request, { deadline: Date.now() + timeoutMs }, (error, reply) =>
      error ? reject(error) : resolve(reply as R),
    );
  });
}
