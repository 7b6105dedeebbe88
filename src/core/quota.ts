import { TroupeError } from './errors.ts';

/** How much of something may be there at a time. */
export interface QuotaLimits {
  readonly countMax: number;
  /** All together, bytes. */
  readonly bytesMax: number;
}

/** Bounds what is open or kept by number and by bytes. What is too large for it fits all the same while nothing else is there. */
export class Quota {
  readonly #what: string;
  readonly #limits: QuotaLimits;
  #count = 0;
  #bytes = 0;

  /** @param what is counted, for the refusal: `asks are open` */
  constructor(what: string, limits: QuotaLimits) {
    this.#what = what;
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** Sizes of all that is there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lets one more in. @param bytes its size @throws TroupeError OVERLOADED */
  enter(bytes: number): void {
    const { countMax, bytesMax } = this.#limits;
    if (this.#count >= countMax || (this.#count > 0 && this.#bytes + bytes > bytesMax)) {
      const data = { count: this.#count, bytes: this.#bytes };
      throw new TroupeError('OVERLOADED', `${this.#count} ${this.#what}, of ${this.#bytes} bytes`, { data });
    }
    this.#count++;
    this.#bytes += bytes;
  }

  /** One that was let in is gone. @param bytes the same as then */
  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}
