/** How long a request is known when its reply is forgotten, ms: far longer than any try of it can still be on its way. */
export const PAST_MS = 60_000;
/** Such requests of one agent, at most: one that does more in a minute knows fewer of them. */
export const PAST_REQUESTS_MAX = 4_096;

/** Requests that came to be past between two snapshots. */
interface Row {
  readonly ids: number[];
  /** Monotonic time of the snapshot, ms. */
  readonly closedAt: number;
}

/**
 * The requests that an agent has carried out and whose replies it has forgotten. One of them that comes again is refused, as a try may come late: what waited for a node
 * that stood still, or was sent by a client that asked elsewhere meanwhile. A request is kept as a number. Ages go by the clock of this activation, and
 * begin anew with the next one: what is kept for longer does no harm, and no clock of another machine is believed.
 */
export class PastRequests {
  /** Oldest first. */
  #rows: Row[] = [];
  /** Since the last snapshot. */
  #latest: number[] = [];

  has(request: string): boolean {
    if (this.#rows.length === 0 && this.#latest.length === 0) return false;
    const id = fingerprint(request);
    return this.#latest.includes(id) || this.#rows.some(({ ids }) => ids.includes(id));
  }

  add(request: string): void {
    this.#latest.push(fingerprint(request));
  }

  /** A snapshot is taken. @param nowMs monotonic */
  snapshot(nowMs: number): readonly number[] {
    this.#rows = this.#rows.filter(({ closedAt }) => nowMs - closedAt < PAST_MS);
    if (this.#latest.length > 0) this.#rows.push({ ids: this.#latest, closedAt: nowMs });
    this.#latest = [];
    const all = this.#rows.flatMap(({ ids }) => ids);
    for (let over = all.length - PAST_REQUESTS_MAX; over > 0; ) {
      const { ids } = this.#rows[0] as Row;
      over -= ids.splice(0, over).length;
      if (ids.length === 0) this.#rows.shift();
    }
    return all.slice(-PAST_REQUESTS_MAX);
  }

  restore(ids: readonly number[]): void {
    this.#latest.push(...ids);
  }

  clear(): void {
    this.#rows = [];
    this.#latest = [];
  }
}

/**
 * 53 bits of a text: FNV-1a (Fowler, Noll and Vo) twice, with another beginning and the mixing step of MurmurHash3 (Appleby) at the end. Among
 * all that one agent keeps two are alike once in 10^12.
 */
function fingerprint(text: string): number {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    a = Math.imul(a ^ char, 0x01000193);
    b = Math.imul(b ^ char ^ (a >>> 15), 0x01000193);
  }
  return (mix(a) & 0x1fffff) * 2 ** 32 + mix(b);
}

function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
