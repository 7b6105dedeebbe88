import type { Etcd } from '../../../../src/coordinator/index.ts';
import { type Clock, delay, isTroupeError, TroupeError } from '../../../../src/core/index.ts';

type Txn = Parameters<Etcd['txn']>[0];
type TxnReply = Awaited<ReturnType<Etcd['txn']>>;
type KeyValue = TxnReply['ranges'][number][number];
type KeyRange = Parameters<Etcd['watch']>[0];
interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
}

/** What becomes of one transaction. */
export type Fate =
  | 'answered'
  /** Executed, the answer lost, executed again by the client's retry. */
  | 'repeated'
  /** Executed, but the caller hears TIMEOUT. */
  | 'unanswered'
  /** The caller hears TIMEOUT; it is executed when the test says `arrive()`. */
  | 'late'
  /** Never executed; the caller hears TIMEOUT. */
  | 'lost';

interface Lease {
  readonly ttlMs: number;
  expiry: { cancel(): void };
}

/** What one revision changed. */
interface Change {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/** etcd's v3 semantics in memory: revisions, transactions, leases, watches, compaction. One key space, many clients. */
export class MemoryEtcd {
  readonly #clock: Clock;
  readonly #kvs: Map<string, KeyValue> = new Map();
  readonly #leases: Map<number, Lease> = new Map();
  #history: Change[] = [];
  #wakers: Set<() => void> = new Set();
  #compacted = 0;
  revision = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Another client; `clients` of a test can be cut off one by one. */
  client(): MemoryEtcdClient {
    return new MemoryEtcdClient(this, this.#clock);
  }

  /** Keys that begin with the prefix, in order. */
  keys(prefix = ''): string[] {
    return [...this.#kvs.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** Damages or sets a value without a trace. */
  overwrite(key: string, value: Uint8Array): void {
    const kv = this.#kvs.get(key);
    if (kv !== undefined) this.#kvs.set(key, { ...kv, value });
  }

  get historyLength(): number {
    return this.#history.length;
  }

  execute({ compare = [], ops, otherwise = [] }: Txn): TxnReply {
    const succeeded = compare.every((each) => {
      const kv = this.#kvs.get(each.key);
      if ('value' in each) return kv !== undefined && Buffer.compare(kv.value, each.value) === 0;
      return (kv?.createRevision ?? 0) === each.createRevision;
    });
    const revision = this.revision + 1;
    const events: WatchEvent[] = [];
    const ranges: KeyValue[][] = [];
    for (const op of succeeded ? ops : otherwise) {
      if (op.type === 'range') ranges.push(this.#range(op).slice(0, op.limit === 0 ? undefined : op.limit));
      else if (op.type === 'delete') events.push(...this.#range(op).map((kv) => ({ type: 'delete', kv }) as const));
      else {
        const { key, value, lease = 0 } = op;
        if (lease !== 0 && !this.#leases.has(lease)) throw new TroupeError('NOT_FOUND', 'no such lease');
        if (value.byteLength > 1.5 * 2 ** 20) throw new TroupeError('PROTOCOL_VIOLATION', 'request is too large');
        const createRevision = this.#kvs.get(key)?.createRevision ?? revision;
        events.push({ type: 'put', kv: { key, value: value.slice(), createRevision, lease } });
      }
    }
    this.#commit(events);
    return { succeeded, revision: this.revision, ranges };
  }

  grant(id: number, ttlMs: number): void {
    if (this.#leases.has(id)) throw new TroupeError('PROTOCOL_VIOLATION', 'the lease exists');
    this.#leases.set(id, { ttlMs, expiry: this.#clock.schedule(ttlMs, () => this.revoke(id)) });
  }

  keepAlive(id: number): number {
    const lease = this.#leases.get(id);
    if (lease === undefined) return 0;
    lease.expiry.cancel();
    lease.expiry = this.#clock.schedule(lease.ttlMs, () => this.revoke(id));
    return lease.ttlMs;
  }

  revoke(id: number): void {
    this.#leases.get(id)?.expiry.cancel();
    this.#leases.delete(id);
    const gone = [...this.#kvs.values()].filter(({ lease }) => lease === id);
    this.#commit(gone.map((kv) => ({ type: 'delete', kv })));
  }

  compact(revision: number): void {
    if (revision <= this.#compacted || revision > this.revision) throw new TroupeError('NOT_FOUND', 'out of range');
    this.#compacted = revision;
    this.#history = this.#history.filter((each) => each.revision >= revision);
    this.#wake();
  }

  /** The first events from a revision on; undefined when there are none yet. */
  next(range: KeyRange, from: number): Change | undefined {
    if (from < this.#compacted) throw new TroupeError('NOT_FOUND', 'compacted');
    for (const { revision, events } of this.#history) {
      const seen = events.filter(({ kv }) => contains(range, kv.key));
      if (revision >= from && seen.length > 0) return { revision, events: seen };
    }
    return undefined;
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  #range(range: KeyRange): KeyValue[] {
    return this.keys()
      .filter((key) => contains(range, key))
      .map((key) => this.#kvs.get(key) as KeyValue);
  }

  #commit(events: readonly WatchEvent[]): void {
    if (events.length === 0) return;
    this.revision++;
    for (const { type, kv } of events) {
      if (type === 'put') this.#kvs.set(kv.key, kv);
      else this.#kvs.delete(kv.key);
    }
    this.#history.push({ revision: this.revision, events });
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}

function contains({ key: start, end }: KeyRange, key: string): boolean {
  return end === undefined ? key === start : key >= start && key < end;
}

/** A connection to it, which a test can cut, and whose transactions meet the fate that a test chooses. */
export class MemoryEtcdClient implements Etcd {
  readonly #server: MemoryEtcd;
  readonly #clock: Clock;
  readonly #closing: AbortController = new AbortController();
  readonly #late: (() => void)[] = [];
  /** Nothing passes, and nobody says so. */
  cut = false;
  /** Watches of keys that begin so tell nothing, and don't end. */
  deafTo: string | undefined;
  /** Decides on each transaction that writes. */
  fate: (txn: Txn) => Fate = () => 'answered';

  constructor(server: MemoryEtcd, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  /** Executes what was late; nobody hears what comes of it. */
  arrive(): void {
    for (const execute of this.#late.splice(0)) {
      try {
        execute();
      } catch (error) {
        if (!isTroupeError(error, 'NOT_FOUND')) throw error;
      }
    }
  }

  txn(txn: Txn, limitMs: number): Promise<TxnReply> {
    const fate = txn.ops.some(({ type }) => type !== 'range') ? this.fate(txn) : 'answered';
    const execute = (): TxnReply => this.#server.execute(txn);
    if (fate === 'late') this.#late.push(execute);
    if (fate === 'unanswered') execute();
    if (fate === 'repeated') execute();
    if (fate === 'answered' || fate === 'repeated') return this.#answer(execute, limitMs);
    return this.#answer(() => undefined as never, limitMs, true);
  }

  async grant(lease: number, ttlMs: number, limitMs: number): Promise<number> {
    await this.#answer(() => this.#server.grant(lease, ttlMs), limitMs);
    return ttlMs;
  }

  keepAlive(lease: number, limitMs: number): Promise<number> {
    return this.#answer(() => this.#server.keepAlive(lease), limitMs);
  }

  revoke(lease: number, limitMs: number): Promise<void> {
    return this.#answer(() => this.#server.revoke(lease), limitMs);
  }

  async compact(revision: number, limitMs: number): Promise<void> {
    await this.#answer(() => this.#server.compact(revision), limitMs);
  }

  async *watch(range: KeyRange, fromRevision: number, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    let from = fromRevision;
    while (!ended.aborted) {
      const deaf = this.deafTo !== undefined && range.key.startsWith(this.deafTo);
      const found = this.cut || deaf ? undefined : this.#server.next(range, from);
      if (found === undefined) await this.#server.changed(ended);
      else {
        from = found.revision + 1;
        yield found.events;
      }
    }
  }

  close(): void {
    this.#closing.abort();
  }

  /** In a later turn, or when the time is over. */
  async #answer<T>(execute: () => T, limitMs: number, silent = this.cut): Promise<T> {
    const { signal } = this.#closing;
    const closed = (): TroupeError => new TroupeError('SHUTTING_DOWN', 'the connection is closed');
    if (signal.aborted) throw closed();
    if (silent) await delay(this.#clock, limitMs, signal);
    else await Promise.resolve();
    if (signal.aborted) throw closed();
    if (silent || this.cut) throw new TroupeError('TIMEOUT', 'etcd gave no answer');
    return execute();
  }
}
