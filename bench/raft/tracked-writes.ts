import type { ValueClient } from './cluster.ts';

/** Size of every value of the suite, bytes. */
export const VALUE_BYTES = 256;
/** Reads under way at the same time while writes are looked for. */
const READS = 64;

/** Writes whose acknowledgements are remembered, so that lost ones can be told. */
export class TrackedWrites {
  readonly #client: ValueClient;
  readonly #prefix: string;
  readonly #acknowledged: Map<string, number> = new Map();
  /** Writes whose outcome is unknown, as `path=number`: they may take effect at any time, after later ones too. */
  readonly #unknown: Set<string> = new Set();

  constructor(client: ValueClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Writes a number that is larger than all before under the key, of which nobody else writes at the same time. */
  async write(key: string, n: number): Promise<void> {
    const path = `${this.#prefix}/${key}`;
    try {
      await this.#client.put(path, numbered(n));
    } catch (error) {
      this.#unknown.add(`${path}=${n}`);
      throw error;
    }
    this.#acknowledged.set(path, n);
  }

  /** Reads every key: how many hold less than was acknowledged when this began, and nothing that may have come later. */
  async lost(): Promise<number> {
    const expected = [...this.#acknowledged];
    let lost = 0;
    let next = 0;
    const reader = async (): Promise<void> => {
      for (let entry = expected[next++]; entry !== undefined; entry = expected[next++]) {
        const value = await this.#client.get(entry[0]);
        const found = value === undefined ? -1 : numberOf(value);
        if (found < entry[1] && !this.#unknown.has(`${entry[0]}=${found}`)) lost++;
      }
    };
    await Promise.all(Array.from({ length: READS }, reader));
    return lost;
  }
}

/** A value that says which it is. */
export function numbered(n: number): Uint8Array {
  const value = Buffer.alloc(VALUE_BYTES, 'x');
  value.writeUInt32BE(n);
  return value;
}

/** Which value it is. */
export function numberOf(value: Uint8Array): number {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).readUInt32BE();
}
