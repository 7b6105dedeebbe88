/** Texts longer than this are always written out: they hardly come back. UTF-16 code units. */
const INTERNED_LENGTH_MAX = 256;

/**
 * Which texts the other side of one connection knows by number. The table is a ring: when it is full the oldest text
 * makes room, and using that one again just defines it anew.
 */
export class InternTable {
  readonly #ids: Map<string, number> = new Map();
  readonly #texts: (string | undefined)[];
  #next = 0;

  /** @param size how many texts are known at a time */
  constructor(size: number) {
    this.#texts = new Array(size).fill(undefined);
  }

  /** The number of a text that the other side knows, 1 and up; 0 when it must be told. */
  idOf(text: string): number {
    return this.#ids.get(text) ?? 0;
  }

  /** Gives a text its number, to be sent along with it; 0 for texts that stay without. */
  define(text: string): number {
    if (text.length > INTERNED_LENGTH_MAX) return 0;
    const old = this.#texts[this.#next];
    if (old !== undefined) this.#ids.delete(old);
    this.#texts[this.#next] = text;
    this.#next = (this.#next + 1) % this.#texts.length;
    const id = this.#next === 0 ? this.#texts.length : this.#next;
    this.#ids.set(text, id);
    return id;
  }
}
