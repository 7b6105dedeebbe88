import type { Cluster } from 'troupe';

/** Longest that a write may take: an outage is to be waited for, so that its outcome is known, ms. */
const WRITE_MS = 60_000;

/**
 * Values whose every write is accounted for. The ledger counts all puts from 1 and gives each its number as a version, so a
 * count that is too small or a version given twice shows a lost write, and a count that is too large, or a key at a later
 * version than its last acknowledged write, one that was carried out twice.
 */
export class AccountedValues {
  readonly #kv: Cluster['kv'];
  /** One bit for each version that an acknowledgement has named. */
  #named: Uint8Array = new Uint8Array(1024);
  #newest = 0;
  #repeated = 0;
  /** Last acknowledged version of each key. */
  readonly #versions: Map<string, number> = new Map();
  /** Keys that saw a write whose outcome is unknown. */
  readonly #doubtful: Set<string> = new Set();
  acknowledged = 0;
  unknown = 0;

  constructor(kv: Cluster['kv']) {
    this.#kv = kv;
  }

  readonly put = async (key: string, value: Uint8Array): Promise<void> => {
    let version: number;
    try {
      ({ version } = await this.#kv.put(key, value, { timeoutMs: WRITE_MS }));
    } catch (error) {
      this.unknown++;
      this.#doubtful.add(key);
      throw error;
    }
    this.acknowledged++;
    if (this.#name(version)) this.#repeated++;
    this.#newest = Math.max(this.#newest, version);
    this.#versions.set(key, Math.max(version, this.#versions.get(key) ?? 0));
  };

  readonly get = async (key: string): Promise<Uint8Array | undefined> => (await this.#kv.get(key))?.value;

  /**
   * Reads everything and compares it with what was acknowledged. Nothing may be written meanwhile.
   *
   * @param puts that the ledger has carried out in all
   */
  async audit(puts: number): Promise<{ readonly lost: number; readonly doubled: number }> {
    let behind = this.#versions.size;
    let ahead = 0;
    for await (const { key, version } of this.#kv.list('')) {
      const acknowledged = this.#versions.get(key);
      if (acknowledged === undefined) continue;
      if (version >= acknowledged) behind--;
      if (version > acknowledged && !this.#doubtful.has(key)) ahead++;
    }
    const missing = Math.max(0, this.acknowledged - puts, this.#newest - puts);
    const surplus = Math.max(0, puts - this.acknowledged - this.unknown);
    return { lost: Math.max(behind, missing, this.#repeated), doubled: Math.max(ahead, surplus) };
  }

  /** Marks a version. @returns whether it was marked */
  #name(version: number): boolean {
    const at = version >> 3;
    if (at >= this.#named.length) {
      const longer = new Uint8Array(Math.max(this.#named.length * 2, at + 1));
      longer.set(this.#named);
      this.#named = longer;
    }
    const bit = 1 << (version & 7);
    const before = this.#named[at] as number;
    this.#named[at] = before | bit;
    return (before & bit) > 0;
  }
}
