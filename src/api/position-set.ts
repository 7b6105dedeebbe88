/** Positions `first` to `last`, both included. */
export interface PositionRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Which positions of a job were seen, as sorted ranges: work settles nearly in order, so there are about as many
 * ranges as items in flight, however long the job is.
 */
export class PositionSet {
  readonly #ranges: { first: number; last: number }[] = [];

  /** @param ranges in any order; they may overlap */
  constructor(ranges: Iterable<PositionRange> = []) {
    for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
      const last = this.#ranges.at(-1);
      if (range.last < range.first) continue;
      if (last !== undefined && range.first <= last.last + 1) last.last = Math.max(last.last, range.last);
      else this.#ranges.push({ first: range.first, last: range.last });
    }
  }

  /** Sorted, with gaps between any two. */
  get ranges(): readonly PositionRange[] {
    return this.#ranges;
  }

  has(position: number): boolean {
    const range = this.#ranges[this.#below(position)];
    return range !== undefined && position <= range.last;
  }

  /** Adds a position. @returns false when it was there */
  add(position: number): boolean {
    const at = this.#below(position);
    const before = this.#ranges[at];
    const after = this.#ranges[at + 1];
    if (before !== undefined && position <= before.last) return false;
    const joinsBefore = before !== undefined && before.last === position - 1;
    const joinsAfter = after !== undefined && after.first === position + 1;
    if (joinsBefore && joinsAfter) {
      before.last = after.last;
      this.#ranges.splice(at + 1, 1);
    } else if (joinsBefore) before.last = position;
    else if (joinsAfter) after.first = position;
    else this.#ranges.splice(at + 1, 0, { first: position, last: position });
    return true;
  }

  /** Place of the last range that begins at or before `position`; -1 when there is none. */
  #below(position: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as PositionRange).first <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
