import { randomBytes } from 'node:crypto';

/** The only source of randomness; passed in, so that one seed replays a whole run. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [min, maxExclusive). */
  int(min: number, maxExclusive: number): number;
  /** `length` lower-case base-32 characters (5 bits each). */
  id(length: number): string;
}

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

abstract class RandomSource implements Random {
  abstract next(): number;

  int(min: number, maxExclusive: number): number {
    return min + Math.floor(this.next() * (maxExclusive - min));
  }

  id(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += ID_ALPHABET[this.int(0, 32)];
    return text;
  }
}

/** Deterministic generator: Vigna's splitmix32 variant (32 bits of state). Not for secrets. */
export class SeededRandom extends RandomSource {
  #state: number;

  /** @param seed any whole number; only its low 32 bits count */
  constructor(seed: number) {
    super();
    this.#state = seed >>> 0;
  }

  override next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }
}

class SystemRandom extends RandomSource {
  override next(): number {
    return randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  }
}

/** This machine's cryptographic randomness. */
export const systemRandom: Random = new SystemRandom();
