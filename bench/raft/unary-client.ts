import { credentials } from '@grpc/grpc-js';
import type { ProtoGrpcType } from '../../src/wire/generated/api.ts';
import type { TroupeClient } from '../../src/wire/generated/troupe/v1/Troupe.ts';
import { loadProto } from '../../src/wire/index.ts';
import type { ValueClient } from './cluster.ts';

const { Troupe } = loadProto<ProtoGrpcType>('troupe/v1/api.proto').troupe.v1;

/** The plainest client of ours: what any language's gRPC makes of `api.proto`, on one connection to one node. */
export class UnaryClient implements ValueClient {
  readonly #client: Promise<TroupeClient>;

  /** @param address the node's API */
  constructor(address: Promise<string | undefined>) {
    this.#client = address.then((known) => {
      if (known === undefined) throw new Error('the node has no address');
      return new Troupe(known, credentials.createInsecure());
    });
  }

  async put(key: string, value: Uint8Array): Promise<unknown> {
    const client = await this.#client;
    return new Promise((resolve, reject) => {
      client.PutValue({ key, value }, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const client = await this.#client;
    return new Promise((resolve, reject) => {
      client.GetValue({ key }, (error, reply) => (error ? reject(error) : resolve(reply?.value)));
    });
  }

  async close(): Promise<void> {
    (await this.#client).close();
  }
}
