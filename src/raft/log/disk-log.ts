import { type Logger, nullLogger, TroupeError } from '../../core/index.ts';
import type { Entry, HardState, SnapshotMeta } from '../consensus/index.ts';
import type { Disk } from './disk.ts';
import { EntryTable } from './entry-table.ts';
import type { RaftLog, Recovered } from './port.ts';
import { RecordType, recordBytes } from './record.ts';
import { type LogIdentity, type RecoveredSegments, recoverSegments } from './recovery.ts';
import { type SnapshotBytes, SnapshotStore } from './snapshot-store.ts';
import { type StartMark, Wal } from './wal.ts';

/** Counted for an entry besides its data, as consensus counts it. */
const ENTRY_FRAME_BYTES = 16;

/** Other records between two entries (hard states, seals) are read along up to this size; a segment's edge never is. */
const READ_GAP_BYTES = 4096;

/** What a log is opened with. */
export interface DiskLogOptions extends LogIdentity {
  /** The directory, which nobody else may use meanwhile. */
  readonly disk: Disk;
  readonly logger?: Logger;
  /** Size of a segment file, default 16 MiB, 4 KiB or more. Also the room that is lost at most to a half-filled file. */
  readonly segmentBytes?: number;
  /** Bytes of entries kept in memory for members that are nearly up to date, default 4 MiB. Older ones are read back. */
  readonly cacheBytesMax?: number;
  /** Appends written and synced together, bytes; default 4 MiB. More gives no more throughput, only longer syncs. */
  readonly batchBytesMax?: number;
  /**
   * Whether this node has voted before: an empty directory is then refused, as a node that forgot its votes and entries
   * can break what the others rely on. Default false.
   */
  readonly mustExist?: boolean;
}

/**
 * Opens the log in a directory, recovering what is there: a tail torn by a crash is cut and logged, anything else that is
 * damaged is refused.
 *
 * @throws TroupeError LOG_CORRUPT (file and offset), SNAPSHOT_CORRUPT, IDENTITY_MISMATCH, ALREADY_EXISTS while another
 *   process uses the directory, DISK_FULL
 */
export async function openDiskLog(options: DiskLogOptions): Promise<RaftLog & AsyncDisposable> {
  const { disk, logger = nullLogger } = options;
  const unlock = disk.lock();
  try {
    const table = new EntryTable(options.cacheBytesMax ?? 4 * 2 ** 20);
    const found = recoverSegments(disk, options, table);
    const snapshots = new SnapshotStore(disk);
    if (found.segments.length === 0 && (snapshots.newest !== undefined || options.mustExist)) {
      throw new TroupeError('LOG_CORRUPT', 'the log is gone from its directory', { address: disk.path });
    }
    if (found.torn !== undefined) logger.warn('cut a torn tail off the log', { ...found.torn, path: disk.path });
    const start = reconcile(table, snapshots.newest);
    const hardState = clampCommit(found.hardState, table);
    const segments = await settle(disk, found);
    return new DiskLog(options, unlock, table, snapshots, segments, hardState, start);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A crash between storing a snapshot from the leader and restarting the log after it is made good here. */
export function reconcile(table: EntryTable, snapshot: SnapshotMeta | undefined): StartMark {
  if (snapshot !== undefined && snapshot.index > table.baseIndex && table.term(snapshot.index) !== snapshot.term) {
    table.restart(snapshot.index, snapshot.term);
    return { kind: 'restart', index: snapshot.index, term: snapshot.term };
  }
  if (table.baseIndex > (snapshot?.index ?? 0)) {
    throw new TroupeError('LOG_CORRUPT', `the log starts after ${table.baseIndex} but no snapshot reaches that far`);
  }
  return { kind: 'trim', index: table.baseIndex, term: table.baseTerm };
}

/** The commit index is written after the fact and may be off in both directions; what is in a snapshot is committed. */
function clampCommit(hardState: HardState | undefined, table: EntryTable): HardState | undefined {
  if (hardState === undefined) return undefined;
  return { ...hardState, commit: Math.max(table.baseIndex, Math.min(hardState.commit, table.last)) };
}

/**
 * Makes durable what recovery found: a process that was killed may have left it in the page cache only, and what comes next is
 * written as a follow-up to durable records.
 */
async function settle(disk: Disk, found: RecoveredSegments): Promise<RecoveredSegments> {
  const segments = [...found.segments];
  const last = segments.at(-1);
  if (last !== undefined && last.end === 0) {
    last.file.close();
    disk.remove(last.file.name);
    segments.pop();
  } else if (last !== undefined) {
    last.file.truncate(last.end);
    await last.file.sync();
  }
  await disk.syncDirectory();
  return { ...found, segments };
}

class DiskLog implements RaftLog {
  readonly recovered: Recovered;
  readonly #table: EntryTable;
  readonly #wal: Wal;
  readonly #snapshots: SnapshotStore;
  readonly #unlock: () => void;
  #hardState: HardState | undefined;
  /** A hard state that differs from the written one in its commit index only, and can wait. */
  #lazy: HardState | undefined;
  /** Settles when everything appended so far is durable. */
  #tail: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    options: DiskLogOptions,
    unlock: () => void,
    table: EntryTable,
    snapshots: SnapshotStore,
    found: RecoveredSegments,
    hardState: HardState | undefined,
    start: StartMark,
  ) {
    this.#unlock = unlock;
    this.#table = table;
    this.#snapshots = snapshots;
    this.#hardState = hardState;
    this.recovered = { hardState, snapshot: snapshots.newest };
    const wal = {
      disk: options.disk,
      identity: options,
      segmentBytes: Math.max(options.segmentBytes ?? 16 * 2 ** 20, 4096),
      batchBytesMax: options.batchBytesMax ?? 4 * 2 ** 20,
      onPlaced: (index: number, term: number, place: number) => table.setPlace(index, term, place),
      onWritten: () => table.evict(),
    };
    this.#wal = new Wal(wal, found, hardState, start);
  }

  firstIndex(): number {
    return this.#table.baseIndex + 1;
  }

  lastIndex(): number {
    return this.#table.last;
  }

  term(index: number): number | undefined {
    return this.#table.term(index);
  }

  snapshot(): SnapshotMeta | undefined {
    return this.#snapshots.newest;
  }

  entries(from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    const table = this.#table;
    if (from <= table.baseIndex) return undefined;
    const limit = Math.min(to, table.last + 1);
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = from; index < limit; index = from + found.length) {
      bytes += table.length(index) + ENTRY_FRAME_BYTES;
      if (bytes > bytesMax && found.length > 0) break;
      const cached = table.cached(index);
      if (cached !== undefined) found.push(cached);
      else bytes += this.#readRun(index, limit, bytesMax - bytes, found);
    }
    return found;
  }

  append(hardState: HardState | undefined, entries: readonly Entry[], atOnce = false): Promise<void> {
    if (this.#wal.failure !== undefined) return Promise.reject(this.#wal.failure);
    const ballotChanged =
      hardState !== undefined && (hardState.term !== this.#hardState?.term || hardState.vote !== this.#hardState.vote);
    if (hardState !== undefined) {
      this.#hardState = hardState;
      this.#lazy = hardState;
    }
    if (!ballotChanged && entries.length === 0) return this.#tail;
    const work = { hardState: this.#lazy, entries, atOnce };
    this.#lazy = undefined;
    for (const entry of entries) this.#table.push(entry);
    this.#tail = this.#wal.append(work);
    return this.#tail;
  }

  async saveSnapshot(meta: SnapshotMeta, chunks: SnapshotBytes, keepEntries: number): Promise<void> {
    // A snapshot must never be ahead of the entries and the term that led to it.
    await this.#tail;
    await this.#snapshots.save(meta, chunks);
    const index = meta.index - keepEntries;
    const term = this.#table.term(index);
    if (index <= this.#table.baseIndex || term === undefined) return;
    // Those that have it in hand keep the entries they read; new readers are told it's gone.
    this.#table.trim(index, term);
    await this.#wal.append({ start: { kind: 'trim', index, term }, entries: [] });
    await this.#wal.removeThrough(index);
  }

  stageSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#snapshots.stage(meta, chunks);
  }

  async installSnapshot(meta: SnapshotMeta): Promise<void> {
    await this.#tail;
    await this.#snapshots.promote(meta);
    this.#table.restart(meta.index, meta.term);
    this.#tail = this.#wal.append({ start: { kind: 'restart', index: meta.index, term: meta.term }, entries: [] });
    await this.#tail;
    await this.#wal.removeThrough(meta.index);
  }

  readSnapshot(index: number): AsyncIterable<Uint8Array> {
    return this.#snapshots.read(index);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      if (this.#lazy !== undefined) await this.#wal.append({ hardState: this.#lazy, entries: [] });
    } catch {
      // The log had failed before; whoever appended has been told.
    }
    try {
      await this.#wal.close();
    } finally {
      this.#unlock();
    }
  }

  /**
   * Reads entries that are no longer in memory and lie next to each other on the disk, with one read: the first, and those
   * after it that fit into `bytesMax`.
   *
   * @returns size of what was added to `found` after the first
   */
  #readRun(from: number, limit: number, bytesMax: number, found: Entry[]): number {
    const table = this.#table;
    const start = table.place(from);
    let end = start + recordBytes(table.length(from));
    let to = from + 1;
    let bytes = 0;
    for (; to < limit && table.cached(to) === undefined; to++) {
      const place = table.place(to);
      const size = table.length(to) + ENTRY_FRAME_BYTES;
      if (bytes + size > bytesMax || place < end || place - end > READ_GAP_BYTES) break;
      bytes += size;
      end = place + recordBytes(table.length(to));
    }
    const buffer = Buffer.allocUnsafeSlow(end - start);
    this.#wal.read(start, buffer);
    const record = this.#wal.reader(start, buffer);
    for (let index = from; index < to; index++) {
      const place = table.place(index);
      const term = table.term(index) as number;
      if (!record.read(place - start) || record.index !== index || record.term !== term) throw this.#wal.damaged(place);
      found.push({
        term,
        index,
        kind: record.type === RecordType.configEntry ? 'config' : 'normal',
        data: record.data,
      });
    }
    return bytes;
  }
}
