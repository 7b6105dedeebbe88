import { Deque } from '../../core/index.ts';

/** How many bytes of a leader's own proposals are not committed yet. */
export class UncommittedBytes {
  readonly #proposals: Deque<{ readonly index: number; readonly bytes: number }> = new Deque();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a proposal whose last entry is `index`. */
  add(index: number, bytes: number): void {
    this.#proposals.push({ index, bytes });
    this.#bytes += bytes;
  }

  /** Entries up to `index` are committed. */
  freeTo(index: number): void {
    for (let first = this.#proposals.peek(); first !== undefined; first = this.#proposals.peek()) {
      if (first.index > index) return;
      this.#bytes -= first.bytes;
      this.#proposals.shift();
    }
  }
}
