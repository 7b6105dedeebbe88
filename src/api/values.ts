import type { Coordinator } from '../coordinator/index.ts';

/** A value as it was read. `version` grows with each put; no two puts of a key share one. */
export interface StoredValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: number;
}

/** How a call is bounded. */
export interface ValueOptions {
  /** All tries together, default 10,000 ms. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Writes only when the key is at this version; 0 means that it has no value. */
export interface Expecting {
  readonly expect?: number;
}

/** Reads one node's knowledge, which may lag, without asking the leader. */
export interface Stale {
  readonly stale?: boolean;
}

/**
 * Small values under names, one set for the whole cluster: flags, addresses, who owns what. Writes are carried out exactly once,
 * also when a node dies on the way, and reads see every write that was acknowledged before they began.
 *
 * @example
 * const { version } = await cluster.kv.put('release', 'v12', { expect: 0 });
 * const release = await cluster.kv.get('release');
 */
export interface Values {
  /**
   * @param key 1 to 512 characters
   * @param value at most 64 KiB; text goes as UTF-8
   * @throws TroupeError CONFLICT (data.version is what the key is at), OVERLOADED, MESSAGE_TOO_LARGE, INVALID_ARGUMENT;
   * TIMEOUT when the outcome is unknown
   */
  put(
    key: string,
    value: Uint8Array | string,
    options?: ValueOptions & Expecting,
  ): Promise<{ readonly version: number }>;
  /** Undefined when there is none. */
  get(key: string, options?: ValueOptions & Stale): Promise<StoredValue | undefined>;
  /** Deletes the value if there is one. @throws TroupeError as `put` */
  delete(key: string, options?: ValueOptions & Expecting): Promise<void>;
  /** Values whose keys begin with `prefix`, in the order of their keys. Each page is read by itself. */
  list(prefix: string, options?: ValueOptions & Stale): AsyncIterable<StoredValue>;
}

/** Values in one page of `list`. */
const PAGE = 100;

/** The values of a ledger that is reached through these. */
export function valuesOver(ledger: Pick<Coordinator, 'execute' | 'query'>): Values {
  return {
    put: (key, value, { expect, ...options } = {}) => {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      return ledger.execute('kv.put', { key, value: bytes, ...(expect === undefined ? {} : { expect }) }, options);
    },
    async get(key, options) {
      const found = await ledger.query('kv.get', { key }, options);
      return found && { key, ...found };
    },
    async delete(key, { expect, ...options } = {}) {
      await ledger.execute('kv.delete', { key, ...(expect === undefined ? {} : { expect }) }, options);
    },
    async *list(prefix, options) {
      for (let after = ''; ; ) {
        const { values } = await ledger.query('kv.list', { prefix, after, limit: PAGE }, options);
        yield* values;
        const last = values.at(-1);
        if (last === undefined) return;
        after = last.key;
      }
    },
  };
}
