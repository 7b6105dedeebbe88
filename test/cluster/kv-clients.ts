import { Cluster, isTroupeError } from 'troupe';
import { failureOf, PlainClient } from './plain-client.ts';

/** Values of a cluster, as one client sees them. Version 0: there is none. */
export interface KvClient {
  get(key: string, timeoutMs: number): Promise<{ readonly value: string | undefined; readonly version: number }>;
  /** @returns the new version */
  put(key: string, value: string, expect: number | undefined, timeoutMs: number): Promise<number>;
  close(): void;
}

/** A client as another language would have it: one call for each operation, to this one node, without a second try. */
export function plainKv(address: string): KvClient {
  const client = PlainClient.troupe(address);
  return {
    async get(key, timeoutMs) {
      const { value, version } = await client.call<{ value: Buffer; version: number }>('GetValue', { key }, timeoutMs);
      return { value: version === 0 ? undefined : value.toString(), version };
    },
    async put(key, value, expect, timeoutMs) {
      const request = { key, value: Buffer.from(value), ...(expect === undefined ? {} : { expect }) };
      return (await client.call<{ version: number }>('PutValue', request, timeoutMs)).version;
    },
    close: () => client[Symbol.dispose](),
  };
}

/** This library's client, which goes to whichever of these nodes serves best. */
export function libraryKv(addresses: readonly string[]): KvClient {
  const cluster = Cluster.connect({ addresses });
  return {
    async get(key, timeoutMs) {
      const found = await cluster.kv.get(key, { timeoutMs });
      return { value: found && Buffer.from(found.value).toString(), version: found?.version ?? 0 };
    },
    async put(key, value, expect, timeoutMs) {
      const options = { timeoutMs, ...(expect === undefined ? {} : { expect }) };
      return (await cluster.kv.put(key, value, options)).version;
    },
    close: () => void cluster.close(),
  };
}

/** What the cluster said was wrong; undefined when it said nothing, so that nobody knows what became of the call. */
export async function refusalOf(
  error: unknown,
): Promise<{ readonly code: string; readonly version: number } | undefined> {
  if (isTroupeError(error)) return { code: error.code, version: Number(error.data.version) };
  try {
    const { detail } = await failureOf(Promise.reject(error));
    return { code: detail.code, version: Number(detail.numbers.version) };
  } catch {
    return undefined;
  }
}
