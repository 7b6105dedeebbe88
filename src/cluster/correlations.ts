/** Slots of an empty table; a power of two. It doubles when half of them are used. */
const SLOTS_MIN = 1_024;

/**
 * Who waits for which answer, under numbers that grow. A number's low bits are its slot, and those whose slot is taken by somebody who
 * has waited for long are left out: so finding, adding and taking out is one look into an array, however many wait.
 */
export class Correlations<W> {
  #slots: (W | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #numbers: number[] = new Array(SLOTS_MIN).fill(0);
  #size = 0;
  #last = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns the number that the answer will bear; 1 and up, never the same twice */
  add(waiter: W): number {
    if (this.#size * 2 >= this.#slots.length) this.#resize(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    let number = this.#last + 1;
    while (this.#slots[number & mask] !== undefined) number++;
    this.#last = number;
    this.#slots[number & mask] = waiter;
    this.#numbers[number & mask] = number;
    this.#size++;
    return number;
  }

  get(number: number): W | undefined {
    const at = number & (this.#slots.length - 1);
    return this.#numbers[at] === number ? this.#slots[at] : undefined;
  }

  delete(number: number): void {
    const at = number & (this.#slots.length - 1);
    if (this.#numbers[at] !== number || this.#slots[at] === undefined) return;
    this.#slots[at] = undefined;
    this.#size--;
    // What a burst has taken is given back when nobody is left.
    if (this.#size === 0 && this.#slots.length > SLOTS_MIN) this.#resize(SLOTS_MIN);
  }

  /** All who wait, with their numbers. */
  *[Symbol.iterator](): Generator<[number, W]> {
    const slots = this.#slots;
    const numbers = this.#numbers;
    for (const [at, waiter] of slots.entries()) {
      const number = numbers[at] as number;
      if (waiter !== undefined && this.get(number) === waiter) yield [number, waiter];
    }
  }

  /** Those in different slots are in different ones of twice as many, too. */
  #resize(slots: number): void {
    const all = [...this];
    this.#slots = new Array(slots).fill(undefined);
    this.#numbers = new Array(slots).fill(0);
    for (const [number, waiter] of all) {
      this.#slots[number & (slots - 1)] = waiter;
      this.#numbers[number & (slots - 1)] = number;
    }
  }
}
