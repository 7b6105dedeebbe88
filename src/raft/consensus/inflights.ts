import { invariant } from '../../core/index.ts';

/**
 * The append messages that a follower hasn't answered: a ring of (last index, bytes) with a limit on both. An answer for
 * an index frees every message up to it.
 */
export class Inflights {
  readonly #bytesMax: number;
  readonly #indices: Float64Array;
  readonly #sizes: Float64Array;
  #start = 0;
  #count = 0;
  #bytes = 0;

  /**
   * @param messagesMax how many messages may be unanswered
   * @param bytesMax how many bytes of entries may be unanswered; the message that passes it is still sent
   */
  constructor(messagesMax: number, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#indices = new Float64Array(messagesMax);
    this.#sizes = new Float64Array(messagesMax);
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.#indices.length || this.#bytes >= this.#bytesMax;
  }

  /** Notes a message whose last entry is `index`. */
  add(index: number, bytes: number): void {
    invariant(!this.full, 'an append was sent past the limit of messages in flight');
    const at = (this.#start + this.#count) % this.#indices.length;
    this.#indices[at] = index;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Frees every message whose last entry is at or below `index`. */
  freeTo(index: number): void {
    while (this.#count > 0 && this.#indices[this.#start]! <= index) this.freeFirst();
  }

  /** Frees the oldest message: its answer may have been lost, and one must go out to find out. */
  freeFirst(): void {
    if (this.#count === 0) return;
    this.#bytes -= this.#sizes[this.#start]!;
    this.#start = (this.#start + 1) % this.#indices.length;
    this.#count--;
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }
}
