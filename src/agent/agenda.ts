/** Timers of one agent, schedules counted; a further one is refused. */
export const TIMERS_MAX = 100;
/** Messages that an agent has accepted and not handled; a further one is refused. */
export const ACCEPTED_MAX = 1_000;
/** What all of these are to bring, bytes encoded. */
export const AGENDA_BYTES_MAX: number = 2 * 1024 * 1024;
/** The journal of an agent that was forgotten goes after so long, unless the agent has come back, ms: until then repeated requests are known. */
export const FORGET_MS: number = 10 * 60_000;
/** The shortest period of a schedule, and the longest of one or of a timer, ms. */
export const PERIOD_MS_MIN = 10;
export const PERIOD_MS_MAX: number = 10 * 365 * 24 * 3_600_000;

/** A message that an agent is to get at a time. */
export interface Plan {
  /** When, ms since 1970. */
  readonly at: number;
  /** Of a schedule: the time between two, ms. */
  readonly everyMs?: number;
  readonly method: string;
  /** Encoded. */
  readonly payload: Uint8Array;
  readonly traceparent: string | undefined;
  /** Name of a timer; setting it again replaces it. */
  readonly name?: string;
  /** Of an accepted message: the request that sent it. */
  readonly request?: string;
}

/** An entry of an agenda. */
export interface Entry extends Plan {
  /** No two entries of an agent have the same. */
  readonly n: number;
}

/** An entry that a turn has dealt with: which, for which time, and when it is due again (0 for never). */
export interface Fired {
  readonly n: number;
  readonly at: number;
  readonly next: number;
}

/**
 * What an agent is to do by itself: its timers and schedules, and messages from outside that it has accepted. It is part of its journal:
 * an entry leaves it, or moves on to its next time, in the same append as what the turn did that it caused.
 */
export class Agenda {
  readonly #entries: Map<number, Entry> = new Map();
  readonly #names: Map<string, number> = new Map();
  readonly #requests: Map<string, number> = new Map();
  #count = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get timers(): ReadonlyMap<string, number> {
    return this.#names;
  }

  get accepted(): number {
    return this.#requests.size;
  }

  /** In the order in which they came. */
  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  get(n: number): Entry | undefined {
    return this.#entries.get(n);
  }

  /** The message of a request that was accepted and waits. */
  byRequest(request: string): Entry | undefined {
    return this.#entries.get(this.#requests.get(request) ?? 0);
  }

  /** When the next is due, ms since 1970; Infinity without any. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) next = Math.min(next, dueAt(entry));
    return next;
  }

  /** Numbers go by the order of the journal. */
  add(plan: Plan): void {
    if (plan.name !== undefined) this.cancel(plan.name);
    this.#put({ ...plan, n: ++this.#count });
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.n, entry);
    this.#bytes += entry.payload.byteLength;
    if (entry.name !== undefined) this.#names.set(entry.name, entry.n);
    if (entry.request !== undefined) this.#requests.set(entry.request, entry.n);
  }

  cancel(name: string): void {
    const n = this.#names.get(name);
    if (n !== undefined) this.#remove(n);
  }

  cancelAll(): void {
    for (const name of [...this.#names.keys()]) this.cancel(name);
  }

  fire({ n, at, next }: Fired): void {
    const entry = this.#entries.get(n);
    if (entry?.at !== at) return;
    if (next === 0) this.#remove(n);
    else this.#entries.set(n, { ...entry, at: next });
  }

  image(): AgendaImage | undefined {
    return this.#count === 0 ? undefined : { count: this.#count, entries: [...this.#entries.values()] };
  }

  restore({ count, entries }: AgendaImage): void {
    for (const entry of entries) this.#put(entry);
    this.#count = count;
  }

  #remove(n: number): void {
    const entry = this.#entries.get(n);
    if (entry === undefined) return;
    this.#entries.delete(n);
    this.#bytes -= entry.payload.byteLength;
    if (entry.name !== undefined) this.#names.delete(entry.name);
    if (entry.request !== undefined) this.#requests.delete(entry.request);
  }
}

/** An agenda in a snapshot. */
export interface AgendaImage {
  readonly count: number;
  readonly entries: readonly Entry[];
}

/**
 * When an entry is due, ms since 1970. An accepted message is due at once, whatever the clock says: that of another node may have
 * said when it came, and what came later mustn't overtake it.
 */
export function dueAt({ at, request }: Plan): number {
  return request === undefined ? at : 0;
}

/**
 * What becomes of an entry that has been dealt with. A schedule goes on at its next time behind `now`; times that have passed meanwhile are one.
 *
 * @param now ms since 1970
 */
export function fired({ n, at, everyMs }: Entry, now: number): Fired {
  if (everyMs === undefined) return { n, at, next: 0 };
  return { n, at, next: at + everyMs * Math.max(1, Math.floor((now - at) / everyMs) + 1) };
}
