import type { AppendWork, Entry, HardState, LogReader, SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import { entryBytes } from '../../../../src/raft/consensus/index.ts';

/** A log in memory that shows exactly what was made durable: what a member finds again after a crash. */
export class MemoryLog implements LogReader {
  #entries: Entry[] = [];
  #base: { index: number; term: number } = { index: 0, term: 0 };
  #snapshot: SnapshotMeta | undefined;
  hardState: HardState | undefined;

  /** Entries of terms, one per element, from index 1 on; for tests that start with a history. */
  static of(terms: readonly number[], hardState?: HardState): MemoryLog {
    const log = new MemoryLog();
    log.#entries = terms.map((term, i) => ({ term, index: i + 1, kind: 'normal', data: new Uint8Array([term, i]) }));
    log.hardState = hardState;
    return log;
  }

  firstIndex(): number {
    return this.#base.index + 1;
  }

  lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  term(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.firstIndex()]?.term;
  }

  entries(from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    if (from < this.firstIndex()) return undefined;
    const start = from - this.firstIndex();
    let end = start;
    let bytes = 0;
    while (end < to - this.firstIndex() && end < this.#entries.length) {
      bytes += entryBytes(this.#entries[end]!);
      if (end > start && bytes > bytesMax) break;
      end++;
    }
    return this.#entries.slice(start, end);
  }

  snapshot(): SnapshotMeta | undefined {
    return this.#snapshot;
  }

  /** Makes one work durable. */
  write(work: AppendWork): void {
    if (work.snapshot !== undefined) {
      this.#snapshot = work.snapshot;
      this.#base = { index: work.snapshot.index, term: work.snapshot.term };
      this.#entries = [];
    }
    if (work.hardState !== undefined) this.hardState = work.hardState;
    const first = work.entries[0];
    if (first !== undefined) this.#entries.length = Math.min(this.#entries.length, first.index - this.firstIndex());
    this.#entries.push(...work.entries);
  }

  /** Stores a snapshot and drops the entries up to `index - keep`. */
  compact(meta: SnapshotMeta, keep: number): void {
    this.#snapshot = meta;
    const upTo = meta.index - keep;
    if (upTo <= this.#base.index) return;
    const term = this.term(upTo)!;
    this.#entries = this.#entries.slice(upTo - this.#base.index);
    this.#base = { index: upTo, term };
  }

  /** All entries that are there. */
  all(): readonly Entry[] {
    return this.#entries;
  }
}
