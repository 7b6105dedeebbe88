import { TroupeError } from '../../core/index.ts';
import type { Entry, HardState, SnapshotMeta } from '../consensus/index.ts';
import { EntryTable } from './entry-table.ts';
import type { RaftLog, Recovered } from './port.ts';
import { SNAPSHOT_CHUNK_BYTES, type SnapshotBytes } from './snapshot-store.ts';

interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly chunks: readonly Uint8Array[];
}

/**
 * A log in memory, for simulations and tests in which no disk matters: everything is durable at once, as long as the object
 * lives. A restart is a new one made from the old.
 */
export class MemoryLog implements RaftLog {
  readonly recovered: Recovered;
  readonly #table: EntryTable;
  #hardState: HardState | undefined;
  #snapshots: readonly StoredSnapshot[];
  #staged: StoredSnapshot | undefined;
  #closed = false;

  /** @param earlier a log whose content this one takes over, as a restarted node would find it */
  constructor(earlier?: MemoryLog) {
    this.#table = earlier === undefined ? new EntryTable(Number.POSITIVE_INFINITY) : earlier.#table;
    this.#hardState = earlier === undefined ? undefined : earlier.#hardState;
    this.#snapshots = earlier === undefined ? [] : earlier.#snapshots;
    this.recovered = { hardState: this.#hardState, snapshot: this.snapshot() };
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

  entries(from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    if (from <= this.#table.baseIndex) return undefined;
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = from; index < to; index++) {
      const entry = this.#table.cached(index);
      if (entry === undefined) break;
      bytes += entry.data.byteLength + 16;
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  snapshot(): SnapshotMeta | undefined {
    return this.#snapshots.at(-1)?.meta;
  }

  async append(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void> {
    this.#open();
    if (hardState !== undefined) this.#hardState = hardState;
    for (const entry of entries) this.#table.push(entry);
  }

  async saveSnapshot(meta: SnapshotMeta, chunks: SnapshotBytes, keepEntries: number): Promise<void> {
    this.#keep(await collect(meta, chunks));
    const index = meta.index - keepEntries;
    const term = this.#table.term(index);
    if (term !== undefined) this.#table.trim(index, term);
  }

  async stageSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#staged = await collect(meta, chunks);
  }

  async installSnapshot(meta: SnapshotMeta): Promise<void> {
    this.#open();
    if (this.#staged?.meta.index !== meta.index || this.#staged.meta.term !== meta.term) {
      throw new TroupeError('NOT_FOUND', `the snapshot at ${meta.index} has not been received`);
    }
    this.#keep(this.#staged);
    this.#staged = undefined;
    this.#table.restart(meta.index, meta.term);
  }

  async *readSnapshot(index: number): AsyncGenerator<Uint8Array> {
    const stored = this.#snapshots.find((each) => each.meta.index === index);
    if (stored === undefined) throw new TroupeError('NOT_FOUND', `there is no snapshot at ${index}`);
    yield* stored.chunks;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #keep(snapshot: StoredSnapshot): void {
    const others = this.#snapshots.filter((each) => each.meta.index !== snapshot.meta.index);
    this.#snapshots = [...others, snapshot].sort((a, b) => a.meta.index - b.meta.index).slice(-2);
  }

  #open(): void {
    if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'the log is closed');
  }
}

async function collect(meta: SnapshotMeta, chunks: SnapshotBytes): Promise<StoredSnapshot> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SNAPSHOT_CHUNK_BYTES) {
      pieces.push(Uint8Array.from(chunk.subarray(at, at + SNAPSHOT_CHUNK_BYTES)));
    }
  }
  return { meta, chunks: pieces };
}
