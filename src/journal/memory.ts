import type { JournalRecord, JournalWake } from '../coordinator/index.ts';
import { type Clock, type Fence, shardKey } from '../core/index.ts';
import {
  checkAppend,
  checkBlobId,
  checkPage,
  checkPlace,
  checkWakes,
  journalConflict,
  journalFull,
  noBlob,
  sized,
  staleEpoch,
  tooManyBlobs,
} from './check.ts';
import {
  blobId,
  type HistoryPage,
  JOURNAL_LIMITS,
  type JournalAppend,
  type JournalDeletion,
  type JournalLimits,
  type JournalPlace,
  type JournalStore,
  type WakesPage,
} from './port.ts';

interface Journal {
  readonly shard: number;
  readonly key: string;
  /** 0 for never. */
  readonly wake: number;
  readonly version: number;
  readonly snapshotVersion: number;
  readonly snapshot: Uint8Array | undefined;
  readonly records: readonly Uint8Array[];
  /** Position of its first item. */
  readonly first: number;
  readonly history: readonly Uint8Array[];
  readonly blobs: ReadonlySet<string>;
}

const EMPTY: Omit<Journal, 'shard' | 'key'> = {
  wake: 0,
  version: 0,
  snapshotVersion: 0,
  snapshot: undefined,
  records: [],
  first: 0,
  history: [],
  blobs: new Set(),
};

/** Journals in this process's memory, for tests: gone with it. Nodes of one cluster must share one of these. */
export class MemoryStore implements JournalStore {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #limits: JournalLimits;
  readonly #epochs: Map<string, number> = new Map();
  readonly #journals: Map<string, Journal> = new Map();
  /** With the time at which it goes unless a journal names it. */
  readonly #blobs: Map<string, { readonly bytes: Uint8Array; freeAt: number }> = new Map();

  constructor(clock: Pick<Clock, 'monotonic'>, limits: Partial<JournalLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...JOURNAL_LIMITS, ...limits };
  }

  readonly journals: JournalStore['journals'] = {
    append: async (request) => ({ version: this.#append(request) }),
    read: async (place) => this.#read(place),
    history: async (page) => this.#page(page),
    wakes: async (page) => ({ wakes: this.#wakes(page) }),
    delete: async (request) => this.#delete(request),
  };

  readonly blobs: JournalStore['blobs'] = {
    put: async (bytes) => {
      sized(bytes, 'a blob', this.#limits.keptBlobBytesMax);
      this.#collect();
      const id = blobId(bytes);
      this.#blobs.set(id, { bytes: Uint8Array.from(bytes), freeAt: this.#freeAt() });
      return id;
    },
    get: async (id) => {
      this.#collect();
      const found = this.#blobs.get(checkBlobId(id));
      if (found === undefined) throw noBlob(id);
      return Uint8Array.from(found.bytes);
    },
    has: async (id) => {
      this.#collect();
      return this.#blobs.has(checkBlobId(id));
    },
  };

  async close(): Promise<void> {}

  #append(request: JournalAppend): number {
    checkAppend(request, this.#limits);
    const { fence, key, records, snapshot, blobs = [], wake } = request;
    this.#enter(fence);
    const before = this.#journals.get(nameOf(fence, key)) ?? EMPTY;
    if (request.version !== before.version) throw journalConflict(fence, key, before.version);
    if (records.length === 0 && snapshot === undefined) return before.version;
    const kept = records.map((record) => Uint8Array.from(record));
    const version = before.version + records.length;
    const after: Journal = {
      ...this.#withHistory({ ...before, shard: fence.shard, key }, request),
      version,
      ...(wake !== undefined && { wake }),
      ...(snapshot === undefined
        ? { records: [...before.records, ...kept] }
        : { snapshotVersion: version, snapshot: Uint8Array.from(snapshot), records: [] }),
      blobs: new Set(snapshot === undefined ? [...before.blobs, ...blobs] : blobs),
    };
    const { journalRecordsMax, journalBytesMax, blobsPerJournalMax } = this.#limits;
    if (after.records.length > journalRecordsMax || total(after.records) > journalBytesMax) {
      throw journalFull(fence, key, 'take a snapshot');
    }
    if (after.blobs.size > blobsPerJournalMax) throw tooManyBlobs(this.#limits);
    this.#collect();
    for (const id of after.blobs) if (!this.#blobs.has(id)) throw noBlob(id);
    this.#journals.set(nameOf(fence, key), after);
    this.#release(before.blobs);
    return version;
  }

  #delete(request: JournalDeletion): void {
    checkPlace(request, this.#limits);
    const { fence, key, version } = request;
    this.#enter(fence);
    const found = this.#journals.get(nameOf(fence, key)) ?? EMPTY;
    if (version !== found.version) throw journalConflict(fence, key, found.version);
    this.#journals.delete(nameOf(fence, key));
    this.#release(found.blobs);
  }

  #wakes(page: WakesPage): JournalWake[] {
    checkWakes(page, this.#limits);
    const { fence, after, limit } = page;
    this.#enter(fence);
    return [...this.#journals]
      .filter(([name, { shard, wake }]) => wake > 0 && shard === fence.shard && name.startsWith(`${fence.group}\0`))
      .map(([, { key, wake }]) => ({ key, at: wake }))
      .sort(byTime)
      .filter((each) => after === undefined || byTime(after, each) < 0)
      .slice(0, limit);
  }

  #release(blobs: ReadonlySet<string>): void {
    for (const id of blobs) (this.#blobs.get(id) as { freeAt: number }).freeAt = this.#freeAt();
  }

  #withHistory(before: Journal, { fence, key, history = [], historyFrom }: JournalAppend): Journal {
    const drop = Math.max(0, Math.min(historyFrom ?? 0, before.first + before.history.length) - before.first);
    const items = [...before.history.slice(drop), ...history.map((item) => Uint8Array.from(item))];
    const { historyItemsMax, historyBytesMax } = this.#limits;
    if (items.length > historyItemsMax || total(items) > historyBytesMax) {
      throw journalFull(fence, key, 'let old items of its history go', 'history');
    }
    return { ...before, first: before.first + drop, history: items };
  }

  #read(place: JournalPlace): JournalRecord {
    checkPlace(place, this.#limits);
    this.#enter(place.fence);
    const journal = this.#journals.get(nameOf(place.fence, place.key)) ?? EMPTY;
    const { version, snapshotVersion, snapshot, records, first, history } = journal;
    const next = first + history.length;
    return {
      version,
      snapshotVersion,
      records,
      ...(snapshot && { snapshot }),
      ...(next > 0 && { history: { first, next } }),
    };
  }

  #page(page: HistoryPage): { readonly from: number; readonly items: readonly Uint8Array[] } {
    checkPage(page, this.#limits);
    this.#enter(page.fence);
    const { first, history } = this.#journals.get(nameOf(page.fence, page.key)) ?? EMPTY;
    const from = Math.max(first, page.from);
    const items: Uint8Array[] = [];
    let bytes = 0;
    for (const item of history.slice(from - first, from - first + page.limit)) {
      bytes += item.byteLength;
      if (items.length > 0 && bytes > this.#limits.pageBytesMax) break;
      items.push(item);
    }
    return { from, items };
  }

  #enter(fence: Fence): void {
    const epoch = this.#epochs.get(shardKey(fence)) ?? 0;
    if (fence.epoch < epoch) throw staleEpoch(fence, epoch);
    this.#epochs.set(shardKey(fence), fence.epoch);
  }

  #freeAt(): number {
    return this.#clock.monotonic() + this.#limits.blobGraceMs;
  }

  /** Lets blobs go that nobody names any more. */
  #collect(): void {
    const now = this.#clock.monotonic();
    const old = [...this.#blobs].filter(([, { freeAt }]) => freeAt <= now).map(([id]) => id);
    if (old.length === 0) return;
    const named = new Set([...this.#journals.values()].flatMap(({ blobs }) => [...blobs]));
    for (const id of old) if (!named.has(id)) this.#blobs.delete(id);
  }
}

function byTime(a: JournalWake, b: JournalWake): number {
  return a.at - b.at || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function nameOf({ group }: Fence, key: string): string {
  return `${group}\0${key}`;
}

function total(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
