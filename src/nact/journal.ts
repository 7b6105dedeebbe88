import { z } from 'zod';
import { agentRef, defineAgent, type Host } from '../agent/index.ts';
import { TroupeError } from '../core/index.ts';
import type { EventStream, PersistedEvent, PersistedSnapshot, PersistenceEngine } from './persistence.ts';

/** Events in one agent's state. All of a page are written with each event, so pages are small. */
const PAGE_EVENTS = 64;

const event = z.object({
  key: z.string(),
  sequenceNumber: z.int().min(1),
  data: z.unknown(),
  tags: z.array(z.string()).readonly(),
  createdAt: z.number(),
  isDeleted: z.boolean(),
});
const snapshot = event.pick({ key: true, sequenceNumber: true, data: true, createdAt: true });

/**
 * Keeps persistent actors of nact's kind in the cluster: each page of 64 events, and the latest snapshot of a key, is the state
 * of one such agent. List it among the agents of all nodes.
 */
export const nactJournal = defineAgent('troupe.nact-journal', {
  state: (): { readonly events: readonly PersistedEvent[]; readonly snapshot?: PersistedSnapshot } => ({ events: [] }),
  messages: {
    append: { input: event, output: z.boolean() },
    events: { input: z.undefined(), output: z.array(event) },
    takeSnapshot: { input: snapshot, output: z.undefined() },
    latestSnapshot: { input: z.undefined(), output: snapshot.optional() },
  },
  handlers: {
    append(ctx, next) {
      const { events } = ctx.state;
      const page = Math.floor((next.sequenceNumber - 1) / PAGE_EVENTS);
      if (next.sequenceNumber !== page * PAGE_EVENTS + events.length + 1) return false;
      ctx.setState({ ...ctx.state, events: [...events, next as PersistedEvent] });
      return true;
    },
    events: (ctx) => ctx.state.events as PersistedEvent[],
    takeSnapshot(ctx, taken) {
      const known = ctx.state.snapshot?.sequenceNumber ?? 0;
      if (taken.sequenceNumber >= known) ctx.setState({ ...ctx.state, snapshot: taken as PersistedSnapshot });
      return undefined;
    },
    latestSnapshot: (ctx) => ctx.state.snapshot,
  },
});

/**
 * An engine that keeps everything in the ledger of a cluster: what `persist` has resolved for is not lost while a majority of
 * voters keep their disks. Of two actors that persist under one key, the one that doesn't know the other's events is refused.
 *
 * @param host a node or a client of a cluster whose nodes know `nactJournal`
 */
export function journalEngine(host: Host): PersistenceEngine {
  const page = (key: string, index: number) => agentRef(host, nactJournal, `${key}/${index}`);
  const snapshots = (key: string) => agentRef(host, nactJournal, `${key}/snapshot`);
  return {
    events: (key, offset, limit, tags) =>
      new Pages((index) => page(key, index).ask('events', undefined), offset, limit, tags),
    latestSnapshot: async (key) =>
      (await snapshots(key).ask('latestSnapshot', undefined)) as PersistedSnapshot | undefined,
    takeSnapshot: (taken) => snapshots(taken.key).ask('takeSnapshot', taken),
    async persist(next) {
      const { key, sequenceNumber } = next;
      const index = Math.floor((sequenceNumber - 1) / PAGE_EVENTS);
      if (await page(key, index).ask('append', { ...next, tags: [...next.tags] })) return;
      throw new TroupeError('JOURNAL_CONFLICT', `event ${sequenceNumber} does not follow the last one`, {
        address: key,
      });
    },
  };
}

/** The events of a key, read page by page. */
class Pages implements EventStream {
  readonly #read: (index: number) => Promise<unknown>;
  readonly #offset: number;
  readonly #limit: number;
  readonly #tags: readonly string[] | undefined;

  constructor(
    read: (index: number) => Promise<unknown>,
    offset: number,
    limit = Number.POSITIVE_INFINITY,
    tags?: readonly string[],
  ) {
    this.#read = read;
    this.#offset = offset;
    this.#limit = limit;
    this.#tags = tags;
  }

  async reduce<U>(next: (before: U, event: PersistedEvent, index: number) => U, initial: U): Promise<Awaited<U>> {
    let result = await initial;
    let count = 0;
    for await (const one of this.#events()) {
      if (this.#tags?.some((tag) => !one.tags.includes(tag))) continue;
      if (count >= this.#limit) break;
      result = await next(result as U, one, count++);
    }
    return result;
  }

  async *#events(): AsyncGenerator<PersistedEvent> {
    let index = Math.floor(this.#offset / PAGE_EVENTS);
    for (;;) {
      const events = (await this.#read(index++)) as readonly PersistedEvent[];
      yield* events.filter((one) => one.sequenceNumber > this.#offset);
      if (events.length < PAGE_EVENTS) return;
    }
  }
}
