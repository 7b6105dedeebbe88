import {
  type Clock,
  errorMessage,
  type Fence,
  isTroupeError,
  type Logger,
  shardKey,
  type Timer,
} from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';

/** Shards that come together are looked at after so long, ms. */
const GATHER_MS = 50;
/** What is due within this is looked for together, ms: timers are late by up to this much. */
const TOGETHER_MS = 5;
/** Agents that had something to do and may still have are looked at again after so long, ms. */
const RELOOK_MS = 5_000;
/** Wakes read at a time, and the pause before the next page, ms. */
const PAGE = 100;
const PAGE_PAUSE_MS = 20;
/** Shards that are looked at side by side. */
const LOOKS_MAX = 16;

interface Watched {
  readonly fence: Fence;
  /** When it is looked at next, ms since 1970. */
  nextAt: number;
  timer: Timer | undefined;
  looking: boolean;
}

/** What is made of wakes. */
export interface WakesParts {
  readonly store: Pick<JournalStore, 'journals'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** An agent has something to do. */
  readonly wake: (fence: Fence, key: string) => void;
}

/**
 * Finds the agents of this node's shards that have something to do and don't know it, as they are in no memory: after a shard has come,
 * and when a timer falls due. It reads the store's index of wakes, a page at a time; nothing is kept of it but the time of the next look.
 */
export class Wakes {
  readonly #parts: WakesParts;
  readonly #shards: Map<string, Watched> = new Map();
  readonly #waiting: Watched[] = [];
  #looks = 0;

  constructor(parts: WakesParts) {
    this.#parts = parts;
  }

  /** A shard is ours under this epoch. */
  adopt(fence: Fence): void {
    const key = shardKey(fence);
    const known = this.#shards.get(key);
    if (known?.fence.epoch === fence.epoch) return;
    known?.timer?.cancel();
    const watched: Watched = { fence, nextAt: Number.POSITIVE_INFINITY, timer: undefined, looking: false };
    this.#shards.set(key, watched);
    this.#at(watched, this.#parts.clock.now() + GATHER_MS);
  }

  /** An agent of a shard has something to do at that time, ms since 1970. */
  note(fence: Fence, at: number): void {
    const watched = this.#shards.get(shardKey(fence));
    if (watched?.fence.epoch === fence.epoch) this.#at(watched, at + TOGETHER_MS);
  }

  /** A shard is ours no longer, under this epoch. It may be again under a later one. */
  drop(fence: Fence): void {
    const key = shardKey(fence);
    const watched = this.#shards.get(key);
    if (watched === undefined || watched.fence.epoch > fence.epoch) return;
    watched.timer?.cancel();
    this.#shards.delete(key);
  }

  close(): void {
    for (const { fence } of [...this.#shards.values()]) this.drop(fence);
  }

  #at(watched: Watched, at: number): void {
    if (at >= watched.nextAt) return;
    watched.nextAt = at;
    watched.timer?.cancel();
    if (watched.looking) return;
    const leftMs = Math.min(Math.max(0, at - this.#parts.clock.now()), 2 ** 31 - 1);
    watched.timer = this.#parts.clock.schedule(leftMs, () => this.#due(watched));
  }

  #due(watched: Watched): void {
    watched.looking = true;
    watched.nextAt = Number.POSITIVE_INFINITY;
    if (this.#looks >= LOOKS_MAX) this.#waiting.push(watched);
    else void this.#run(watched);
  }

  async #run(first: Watched): Promise<void> {
    this.#looks++;
    for (let watched: Watched | undefined = first; watched !== undefined; watched = this.#waiting.shift()) {
      if (this.#shards.get(shardKey(watched.fence)) !== watched) continue;
      const next = await this.#look(watched);
      watched.looking = false;
      const { nextAt } = watched;
      watched.nextAt = Number.POSITIVE_INFINITY;
      if (this.#shards.get(shardKey(watched.fence)) === watched) this.#at(watched, Math.min(next, nextAt));
    }
    this.#looks--;
  }

  /** @returns when to look again, ms since 1970 */
  async #look(watched: Watched): Promise<number> {
    const { store, clock, logger, wake } = this.#parts;
    const { fence } = watched;
    const key = shardKey(fence);
    let found = false;
    try {
      for (let after: { readonly key: string; readonly at: number } | undefined; ; ) {
        const page = { fence, limit: PAGE, ...(after && { after }) };
        const { wakes } = await store.journals.wakes(page);
        if (this.#shards.get(key) !== watched) return Number.POSITIVE_INFINITY;
        const now = clock.now();
        const due = wakes.filter(({ at }) => at <= now);
        for (const each of due) wake(fence, each.key);
        found ||= due.length > 0;
        const relookAt = found ? now + RELOOK_MS : Number.POSITIVE_INFINITY;
        after = due.at(-1);
        if (due.length < wakes.length) return Math.min(relookAt, wakes[due.length]?.at ?? relookAt);
        if (wakes.length < PAGE) return relookAt;
        await new Promise<void>((resolve) => void clock.schedule(PAGE_PAUSE_MS, resolve));
        if (this.#shards.get(key) !== watched) return Number.POSITIVE_INFINITY;
      }
    } catch (error) {
      if (isTroupeError(error, 'STALE_EPOCH')) return Number.POSITIVE_INFINITY;
      logger.warn('agents with something to do not looked for', { shard: key, error: errorMessage(error) });
      return clock.now() + RELOOK_MS;
    }
  }
}
