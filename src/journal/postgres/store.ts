import type { JournalRecord, JournalWake } from '../../coordinator/index.ts';
import { errorMessage, type Fence, type Timer } from '../../core/index.ts';
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
} from '../check.ts';
import {
  blobId,
  type HistoryPage,
  JOURNAL_LIMITS,
  type JournalAppend,
  type JournalDeletion,
  type JournalLimits,
  type JournalPlace,
  type JournalStore,
  verified,
  type WakesPage,
} from '../port.ts';
import { type ConnectionOptions, Connections } from './connections.ts';
import { FOREIGN_KEY_VIOLATION } from './errors.ts';
import { pack, type Statements, statementsFor, unpack } from './statements.ts';

/** How often blobs that nobody names are looked for, and how many go at a time. */
const COLLECT_MS = 600_000;
const COLLECT_MAX = 1_000;

/** A store's connection, and its limits unless they are the usual ones. */
export interface PostgresOptions extends ConnectionOptions {
  readonly limits?: Partial<JournalLimits>;
}

/**
 * Journals and blobs in Postgres. The ledger still says who owns a shard; Postgres keeps the newest epoch that an owner came with, and
 * compares it in the statement that appends. It is raised before an owner reads, so what it has read nobody can add to under an
 * older one.
 */
export class PostgresStore implements JournalStore {
  readonly #connections: Connections;
  readonly #limits: JournalLimits;
  readonly #sql: Statements;
  readonly #collecting: Timer;

  private constructor(connections: Connections, options: PostgresOptions) {
    this.#connections = connections;
    this.#limits = { ...JOURNAL_LIMITS, ...options.limits };
    this.#sql = statementsFor(options.schema);
    this.#collecting = options.clock.repeat(COLLECT_MS, () => {
      this.collect().catch((error) => options.logger.warn('blobs not collected', { error: errorMessage(error) }));
    });
  }

  /** Connects when first used. @throws TroupeError INVALID_CONFIGURATION */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    return new PostgresStore(await Connections.open(options), options);
  }

  readonly journals: JournalStore['journals'] = {
    append: async (request, { timeoutMs } = {}) => ({ version: await this.#append(request, timeoutMs) }),
    read: (place, { timeoutMs } = {}) => this.#read(place, timeoutMs),
    history: (page, { timeoutMs } = {}) => this.#page(page, timeoutMs),
    wakes: async (page, { timeoutMs } = {}) => ({ wakes: await this.#wakes(page, timeoutMs) }),
    delete: (request, { timeoutMs } = {}) => this.#delete(request, timeoutMs),
  };

  readonly blobs: JournalStore['blobs'] = {
    put: async (bytes) => {
      sized(bytes, 'a blob', this.#limits.keptBlobBytesMax);
      const id = blobId(bytes);
      await this.#run('putBlob', [id, bytes], true);
      return id;
    },
    get: async (id) => {
      const [row] = await this.#run('getBlob', [checkBlobId(id)], true);
      if (row === undefined) throw noBlob(id);
      return verified(id, Uint8Array.from(row.bytes));
    },
    has: async (id) => (await this.#run('hasBlob', [checkBlobId(id)], true)).length > 0,
  };

  /** Deletes blobs that no journal has named for `blobGraceMs`. Done now and then by itself; nodes may do it side by side. */
  async collect(): Promise<void> {
    await this.#run('collect', [this.#limits.blobGraceMs, COLLECT_MAX], true);
  }

  /** Deletes the whole schema: for clusters that live for one run. */
  async erase(): Promise<void> {
    await this.#run('erase', [], true);
  }

  async close(): Promise<void> {
    this.#collecting.cancel();
    await this.#connections.close();
  }

  async #append(request: JournalAppend, timeoutMs: number | undefined): Promise<number> {
    checkAppend(request, this.#limits);
    const { fence, key, version, records, snapshot, history = [], historyFrom = 0, blobs = [] } = request;
    const { journalRecordsMax, journalBytesMax, historyItemsMax, historyBytesMax, blobsPerJournalMax } = this.#limits;
    const [lines, items] = [pack(records), pack(history)];
    const values = [
      ...[fence.group, fence.shard, fence.epoch, key, version, lines.bytes, lines.lengths, snapshot ?? null],
      ...[items.bytes, items.lengths, historyFrom, [...new Set(blobs)], journalRecordsMax, journalBytesMax],
      ...[historyItemsMax, historyBytesMax, blobsPerJournalMax, request.wake ?? null],
    ];
    // Nothing to write: only the epoch and the version are looked at.
    if (records.length === 0 && snapshot === undefined) {
      const known = await this.#read(request, timeoutMs);
      if (known.version !== version) throw journalConflict(fence, key, known.version);
      return version;
    }
    for (let entered = false; ; entered = true) {
      // Not again when the answer is lost: it may have been written, and whoever asks must hear that.
      const [row] = await this.#run('append', values, false, timeoutMs).catch((error) => this.#unnamed(error, request));
      if (row?.written) return version + records.length;
      if (row?.fenced || entered) throw await this.#refusal(request);
      await this.#enter(fence);
    }
  }

  async #delete(request: JournalDeletion, timeoutMs: number | undefined): Promise<void> {
    checkPlace(request, this.#limits);
    const { fence, key, version } = request;
    for (let entered = false; ; entered = true) {
      const values = [fence.group, fence.shard, fence.epoch, key, version];
      const [row] = await this.#run('delete', values, false, timeoutMs);
      if (row?.written) return;
      if (row?.fenced || entered) break;
      await this.#enter(fence);
    }
    const known = await this.#read(request, timeoutMs);
    if (known.version !== version) throw journalConflict(fence, key, known.version);
  }

  async #wakes(page: WakesPage, timeoutMs: number | undefined): Promise<JournalWake[]> {
    checkWakes(page, this.#limits);
    const { at = -1, key = '' } = page.after ?? {};
    const { keys, times } = await this.#fenced('wakes', page.fence, [at, key, page.limit], timeoutMs);
    return (keys ?? []).map((name: string, i: number) => ({ key: name, at: times[i] }));
  }

  /** An append that names a blob which isn't there was stopped by its foreign key. */
  async #unnamed(error: unknown, { fence, key, blobs }: JournalAppend): Promise<never> {
    const state = (error as { readonly data?: { readonly sqlState?: unknown } }).data?.sqlState;
    if (state !== FOREIGN_KEY_VIOLATION) throw error;
    const [row] = await this.#run('why', [fence.group, key, blobs ?? []], true);
    throw row?.missing == null ? error : noBlob(row.missing);
  }

  /** Why an append changed nothing. */
  async #refusal({ fence, key, version, history = [], historyFrom = 0 }: JournalAppend): Promise<Error> {
    await this.#enter(fence);
    const [row] = await this.#run('why', [fence.group, key, []], true);
    const last = row?.version ?? 0;
    if (last !== version) return journalConflict(fence, key, last);
    const { historyItemsMax, historyBytesMax } = this.#limits;
    const bytes = history.reduce((sum, { byteLength }) => sum + byteLength, row?.bytes ?? 0);
    // What would be let go isn't counted here: such an append is rarely refused, and may be for another reason.
    const grown = historyFrom === 0 && history.length > 0;
    if (grown && ((row?.items ?? 0) + history.length > historyItemsMax || bytes > historyBytesMax)) {
      return journalFull(fence, key, 'let old items of its history go', 'history');
    }
    return journalFull(fence, key, 'take a snapshot, let old items of its history go, or name fewer blobs');
  }

  /** Raises the shard's epoch to ours. @throws TroupeError STALE_EPOCH when it is past that */
  async #enter(fence: Fence): Promise<void> {
    await this.#run('enter', [fence.group, fence.shard, fence.epoch], true);
    const [row] = await this.#run('epoch', [fence.group, fence.shard], true);
    if (row?.epoch !== fence.epoch) throw staleEpoch(fence, row?.epoch);
  }

  async #read(place: JournalPlace, timeoutMs: number | undefined): Promise<JournalRecord> {
    checkPlace(place, this.#limits);
    const row = await this.#fenced('read', place.fence, [place.key], timeoutMs);
    const { version, snapshot_version, snapshot, history_first: first, history_next: next, bytes, lengths } = row;
    return {
      version: version ?? 0,
      snapshotVersion: snapshot_version ?? 0,
      records: unpack(bytes, lengths),
      ...(snapshot && { snapshot: Uint8Array.from(snapshot) }),
      ...(next > 0 && { history: { first, next } }),
    };
  }

  async #page(page: HistoryPage, timeoutMs: number | undefined): Promise<{ from: number; items: Uint8Array[] }> {
    checkPage(page, this.#limits);
    const row = await this.#fenced(
      'history',
      page.fence,
      [page.key, page.from, page.limit, this.#limits.pageBytesMax],
      timeoutMs,
    );
    return { from: row.start ?? page.from, items: unpack(row.bytes, row.lengths) };
  }

  /** Reads under the fence: in what it gives, the shard's epoch and the journal are of one moment. */
  async #fenced(
    name: 'read' | 'history' | 'wakes',
    fence: Fence,
    values: readonly unknown[],
    timeoutMs: number | undefined,
  ) {
    for (;;) {
      const [row] = await this.#run(name, [fence.group, fence.shard, ...values], true, timeoutMs);
      if (row?.epoch === fence.epoch) return row;
      if (row?.epoch > fence.epoch) throw staleEpoch(fence, row.epoch);
      await this.#enter(fence);
    }
  }

  #run(name: keyof Statements, values: readonly unknown[], retry: boolean, timeoutMs?: number) {
    return this.#connections.run({ name, text: this.#sql[name], values: [...values] }, retry, timeoutMs);
  }
}
