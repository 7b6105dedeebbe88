import type { ValueClient } from './cluster.ts';

/** Size of every value of the suite, bytes. */
export const VALUE_BYTES = 256;
/** Keys of one loop, written in turn: what a lost leader could take along is far fewer writes than that. */
export const RING = 256;
/** Reads under way at the same time while writes are looked for. */
const READS = 64;

/** Writes whose acknowledgements are remembered, so that lost ones can be told. */
export class TrackedWrites {
  readonly #client: ValueClient;
  readonly #prefix: string;
  readonly #acknowledged: Map<string, number> = new Map();

  constructor(client: ValueClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Writes the `n`th value of a loop; loops don't wait for each other, writes of one do. */
  async write(loop: number, n: number): Promise<void> {
    const key = `${this.#prefix}/${loop}/${n % RING}`;
    await this.#client.put(key, numbered(n));
    this.#acknowledged.set(key, n);
  }

  /** Reads every key: how many hold less than was acknowledged when this began. */
  async lost(): Promise<number> {
    const expected = [...this.#acknowledged];
    let lost = 0;
    let next = 0;
    const reader = async (): Promise<void> => {
      for (let entry = expected[next++]; entry !== undefined; entry = expected[next++]) {
        const value = await this.#client.get(entry[0]);
        if (value === undefined || numberOf(value) < entry[1]) lost++;
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
