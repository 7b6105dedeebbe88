/** Texts longer than this are always written out: they hardly come back. UTF-16 code units. */
const INTERNED_LENGTH_MAX = 256;

/**
 * Which texts the other side of one connection knows by number. A text gets its number when it comes a second time: addresses that
 * are used once don't push the others out. The table is a ring: when it is full the oldest text makes room, and using that one again
 * just defines it anew.
 */
export class InternTable {
  readonly #ids: Map<string, number> = new Map();
  readonly #texts: (string | undefined)[];
  /** Hashes of texts that came once, each in the place that its low bits name; a newer one takes the place. */
  readonly #once: Uint32Array;
  #next = 0;

  /** @param size how many texts are known at a time, a power of two */
  constructor(size: number) {
    this.#texts = new Array(size).fill(undefined);
    this.#once = new Uint32Array(size);
  }

  /** The number of a text that the other side knows, 1 and up; 0 when it must be told. */
  idOf(text: string): number {
    return this.#ids.get(text) ?? 0;
  }

  /** Gives a text its number, to be sent along with it; 0 for texts that stay without, as they are long or came for the first time. */
  define(text: string): number {
    if (text.length > INTERNED_LENGTH_MAX || this.#isNew(text)) return 0;
    const old = this.#texts[this.#next];
    if (old !== undefined) this.#ids.delete(old);
    this.#texts[this.#next] = text;
    this.#next = (this.#next + 1) % this.#texts.length;
    const id = this.#next === 0 ? this.#texts.length : this.#next;
    this.#ids.set(text, id);
    return id;
  }

  /** Whether a text hasn't come lately; it has now. By FNV-1a: two texts of one hash only get a number too early. */
  #isNew(text: string): boolean {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash >>>= 0;
    const place = hash & (this.#once.length - 1);
    if (this.#once[place] === hash) return false;
    this.#once[place] = hash;
    return true;
  }
}
