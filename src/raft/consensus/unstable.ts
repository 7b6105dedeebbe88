import { Deque, invariant } from '../../core/index.ts';
import type { Entry, SnapshotMeta } from './types.ts';

/** One AppendWork that has been handed out and not been acknowledged. */
interface Outstanding {
  readonly sequence: number;
  readonly snapshot: SnapshotMeta | undefined;
  /** The log is durable up to here once this work is done. Lowered when a later append replaces entries. */
  index: number;
}

/** Bytes counted for an entry: its data and what frames it. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + 16;
}

/**
 * The end of the log that isn't known to be durable: entries, and a snapshot being installed before them. Work is
 * handed out in order under a sequence number, and an acknowledgement counts for it and all before it.
 *
 * An append may replace entries while the write of the old ones is still under way. Each work therefore knows how far
 * its promise still holds, so that its late completion never marks a replaced entry as durable, even when an entry of the same
 * index and term was written, replaced and written again.
 */
export class Unstable {
  #entries: Entry[] = [];
  /** Index of the first entry held; everything before it is durable, or in the snapshot. */
  #offset: number;
  /** Index of the first entry that hasn't been handed out. */
  #taken: number;
  #snapshot: SnapshotMeta | undefined;
  #snapshotTaken = true;
  readonly #outstanding: Deque<Outstanding> = new Deque();

  /** @param lastIndex last index of the durable log */
  constructor(lastIndex: number) {
    this.#offset = lastIndex + 1;
    this.#taken = this.#offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get lastIndex(): number {
    return this.#offset + this.#entries.length - 1;
  }

  /** The snapshot being installed. */
  get snapshot(): SnapshotMeta | undefined {
    return this.#snapshot;
  }

  /** Whether there is something to hand out. */
  get hasWork(): boolean {
    return this.#taken <= this.lastIndex || !this.#snapshotTaken;
  }

  /** Whether work was handed out and not acknowledged. */
  get busy(): boolean {
    return this.#outstanding.length > 0;
  }

  /** The entry at an index that is held here. */
  at(index: number): Entry | undefined {
    return this.#entries[index - this.#offset];
  }

  /** Entries in [from, to), at least one, cut where they pass `bytesMax`. `from` must be held here. */
  slice(from: number, to: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#offset;
    const limit = to - this.#offset;
    let end = start;
    let bytes = 0;
    while (end < limit) {
      bytes += entryBytes(this.#entries[end]!);
      if (bytes > bytesMax && end > start) break;
      end++;
    }
    return this.#entries.slice(start, end);
  }

  /** Adds entries, replacing whatever was at their indices and after. */
  append(entries: readonly Entry[]): void {
    const first = entries[0]!.index;
    invariant(first <= this.lastIndex + 1, 'an append must not leave a hole in the log');
    if (first <= this.lastIndex) this.#truncate(first);
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The log restarts after a snapshot; entries held here are void. */
  restore(snapshot: SnapshotMeta): void {
    for (const work of this.#outstanding) work.index = 0;
    this.#entries = [];
    this.#offset = snapshot.index + 1;
    this.#taken = this.#offset;
    this.#snapshot = snapshot;
    this.#snapshotTaken = false;
  }

  /** Hands out what is new, as work number `sequence`. */
  take(sequence: number): { readonly entries: readonly Entry[]; readonly snapshot: SnapshotMeta | undefined } {
    const entries = this.#entries.slice(this.#taken - this.#offset);
    const snapshot = this.#snapshotTaken ? undefined : this.#snapshot;
    this.#taken = this.lastIndex + 1;
    this.#snapshotTaken = true;
    this.#outstanding.push({ sequence, snapshot, index: this.lastIndex });
    return { entries, snapshot };
  }

  /**
   * Work number `sequence`, and all before it, is durable.
   *
   * @returns the snapshot that is installed by now, when there is one
   */
  acknowledge(sequence: number): SnapshotMeta | undefined {
    let index = 0;
    let installed: SnapshotMeta | undefined;
    for (let work = this.#outstanding.peek(); work !== undefined; work = this.#outstanding.peek()) {
      if (work.sequence > sequence) break;
      this.#outstanding.shift();
      index = work.index;
      if (work.snapshot !== undefined && work.snapshot === this.#snapshot) installed = work.snapshot;
    }
    if (installed !== undefined) this.#snapshot = undefined;
    if (index >= this.#offset) {
      this.#entries = this.#entries.slice(index + 1 - this.#offset);
      this.#offset = index + 1;
    }
    return installed;
  }

  #truncate(first: number): void {
    for (const work of this.#outstanding) work.index = Math.min(work.index, first - 1);
    if (first <= this.#offset) {
      this.#entries = [];
      this.#offset = first;
    } else {
      this.#entries.length = first - this.#offset;
    }
    this.#taken = Math.min(this.#taken, first);
  }
}
