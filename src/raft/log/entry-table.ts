import { invariant } from '../../core/index.ts';
import type { Entry } from '../consensus/index.ts';

/** Place of an entry that isn't written yet. */
const UNPLACED = -1;

/**
 * What is known in memory of each entry of the log: term, length, place on disk, and for the newest ones the entry itself, as
 * far as the cache's limit allows. Columns in a ring that doubles: index i lives in slot i modulo its size. 20 bytes and
 * a pointer for each entry.
 */
export class EntryTable {
  #baseIndex = 0;
  #baseTerm = 0;
  #last = 0;
  /** Entries in (#placed, #last] are not written yet, and must stay in memory. */
  #placed = 0;
  /** Entries in [#cachedFrom, #last] are in memory. */
  #cachedFrom = 1;
  #cachedBytes = 0;
  #terms: Float64Array = new Float64Array(256);
  #places: Float64Array = new Float64Array(256);
  #lengths: Uint32Array = new Uint32Array(256);
  #entries: (Entry | undefined)[] = new Array(256);
  readonly #cacheBytesMax: number;

  /** @param cacheBytesMax data of this many bytes is kept in memory; what isn't written yet is always kept */
  constructor(cacheBytesMax: number) {
    this.#cacheBytesMax = cacheBytesMax;
  }

  /** Last index that is no longer part of the log; its term is still known. */
  get baseIndex(): number {
    return this.#baseIndex;
  }

  get baseTerm(): number {
    return this.#baseTerm;
  }

  get last(): number {
    return this.#last;
  }

  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** Term of an index in [base, last]. */
  term(index: number): number | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    return index > this.#baseIndex && index <= this.#last ? this.#terms[index % this.#terms.length] : undefined;
  }

  /** The entry, when it is in memory. */
  cached(index: number): Entry | undefined {
    return index >= this.#cachedFrom && index <= this.#last ? this.#entries[index % this.#terms.length] : undefined;
  }

  length(index: number): number {
    return this.#lengths[index % this.#terms.length] as number;
  }

  place(index: number): number {
    return this.#places[index % this.#terms.length] as number;
  }

  /** Adds an entry after the last one, or in place of it and all that follow. */
  push(entry: Entry): void {
    this.truncate(entry.index);
    this.#add(entry.term, entry.data.byteLength, UNPLACED);
    this.#entries[this.#last % this.#terms.length] = entry;
    this.#cachedBytes += entry.data.byteLength;
  }

  /** As `push`, for an entry that is on disk and needn't be in memory. */
  pushPlaced(index: number, term: number, length: number, place: number): void {
    this.truncate(index);
    this.#add(term, length, place);
    this.#placed = this.#last;
    this.#cachedFrom = this.#last + 1;
  }

  /** Says where an entry was written, unless another has taken its index since. */
  setPlace(index: number, term: number, place: number): void {
    if (index <= this.#baseIndex || this.term(index) !== term) return;
    this.#places[index % this.#terms.length] = place;
    if (index === this.#placed + 1) this.#placed = index;
  }

  /** Drops entries from `index` on. */
  truncate(index: number): void {
    invariant(index > this.#baseIndex && index <= this.#last + 1, 'entries must follow on the log');
    for (let i = Math.max(index, this.#cachedFrom); i <= this.#last; i++) this.#forget(i);
    this.#last = index - 1;
    this.#placed = Math.min(this.#placed, this.#last);
    this.#cachedFrom = Math.min(this.#cachedFrom, index);
  }

  /** Drops entries up to `index`; with an index past the last one, the log goes on after (index, term). */
  trim(index: number, term: number): void {
    if (index < this.#baseIndex) return;
    for (let i = this.#cachedFrom; i <= Math.min(index, this.#last); i++) this.#forget(i);
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#last = Math.max(this.#last, index);
    this.#placed = Math.max(this.#placed, index);
    this.#cachedFrom = Math.max(this.#cachedFrom, index + 1);
  }

  /** Drops all entries; the log goes on after (index, term). */
  restart(index: number, term: number): void {
    for (let i = this.#cachedFrom; i <= this.#last; i++) this.#forget(i);
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#last = index;
    this.#placed = index;
    this.#cachedFrom = index + 1;
  }

  /** Lets go of the oldest entries in memory until the rest is within the limit. */
  evict(): void {
    while (this.#cachedBytes > this.#cacheBytesMax && this.#cachedFrom <= this.#placed) {
      this.#forget(this.#cachedFrom++);
    }
  }

  #add(term: number, length: number, place: number): void {
    this.#last++;
    if (this.#last - this.#baseIndex > this.#terms.length) this.#grow();
    const slot = this.#last % this.#terms.length;
    this.#terms[slot] = term;
    this.#lengths[slot] = length;
    this.#places[slot] = place;
  }

  #forget(index: number): void {
    const slot = index % this.#terms.length;
    this.#cachedBytes -= this.#entries[slot]?.data.byteLength ?? 0;
    this.#entries[slot] = undefined;
  }

  #grow(): void {
    const old = { terms: this.#terms, places: this.#places, lengths: this.#lengths, entries: this.#entries };
    const size = old.terms.length;
    this.#terms = new Float64Array(size * 2);
    this.#places = new Float64Array(size * 2);
    this.#lengths = new Uint32Array(size * 2);
    this.#entries = new Array(size * 2);
    for (let i = this.#baseIndex + 1; i < this.#last; i++) {
      const from = i % size;
      const to = i % (size * 2);
      this.#terms[to] = old.terms[from] as number;
      this.#places[to] = old.places[from] as number;
      this.#lengths[to] = old.lengths[from] as number;
      this.#entries[to] = old.entries[from];
    }
  }
}
