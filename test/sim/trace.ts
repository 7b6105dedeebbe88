/** Lines kept for the report of a failure. */
const TAIL_LINES = 60;

type Word = string | number | undefined;

/**
 * What happened, as a hash over all of it and the last lines as text. Two runs of one seed have the same hash, or something in
 * them isn't deterministic.
 */
export class Trace {
  readonly #tail: (readonly Word[])[] = [];
  #count = 0;
  #a = 0x811c9dc5;
  #b = 0x9747b28c;

  /** Adds a line: when, where, what. */
  note(...words: readonly Word[]): void {
    this.#tail[this.#count++ % TAIL_LINES] = words;
    for (const word of words) {
      if (typeof word === 'number') this.#mix(word | 0, Math.floor(word * 1024) | 0);
      else if (word !== undefined) for (let i = 0; i < word.length; i++) this.#mix(word.charCodeAt(i), i);
    }
  }

  /** FNV-1a twice, each half over half of what there is to know: 16 hexadecimal digits. */
  get hash(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last lines, oldest first. */
  get tail(): readonly string[] {
    const from = Math.max(0, this.#count - TAIL_LINES);
    return Array.from({ length: this.#count - from }, (_, i) => {
      const [at, ...words] = this.#tail[(from + i) % TAIL_LINES] as readonly Word[];
      const time = typeof at === 'number' ? at.toFixed(2).padStart(10) : at;
      return `${time} ${words.filter((word) => word !== undefined).join(' ')}`;
    });
  }

  #mix(x: number, y: number): void {
    this.#a = Math.imul(this.#a ^ x, 0x01000193);
    this.#b = Math.imul(this.#b ^ y ^ (this.#a >>> 15), 0x01000193);
  }
}
