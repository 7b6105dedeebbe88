import type { ClusterView, Coordinator, DecisionRecord, LedgerEvent, WatchDelivery } from '../coordinator/index.ts';
import { shardKey } from '../core/index.ts';

/** Log entries that a node remembers for clients that come back, and for slow readers. */
export const ENTRIES_KEPT_MAX = 4_096;

/** What one log entry changed. */
export interface FeedEntry {
  readonly index: number;
  readonly events: readonly LedgerEvent[];
}

/** Hears each new state of one decision; `undefined` means that events were lost and it should be read again. */
export type DecisionListener = (decision: DecisionRecord | undefined) => void;

/**
 * One watch of the ledger for all API streams of a node. Streams don't queue: each keeps the index it has sent and asks
 * for what comes after it, so a slow reader costs nothing, and one that falls out of memory gets a view.
 */
export class LedgerFeed {
  #view: ClusterView = { index: 0, nodes: [], groups: [], shards: [] };
  #ready = false;
  /** Everything after this index is in `#entries`. */
  #floor = 0;
  #entries: FeedEntry[] = [];
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #decisions: Map<string, Set<DecisionListener>> = new Map();
  readonly #keep: number;
  readonly #unwatch: (() => void)[];

  constructor(coordinator: Coordinator, entriesKeptMax: number = ENTRIES_KEPT_MAX) {
    this.#keep = entriesKeptMax;
    this.#unwatch = [
      coordinator.watch((delivery) => this.#accept(delivery)),
      coordinator.onLeader(() => this.#notify()),
    ];
  }

  /** Whether the ledger has been heard at all. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Nodes, groups and shards as of the last entry heard. */
  get view(): ClusterView {
    return this.#view;
  }

  /** Entries after `index`, oldest first; undefined when they are no longer remembered. */
  after(index: number): readonly FeedEntry[] | undefined {
    if (index < this.#floor) return undefined;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as FeedEntry).index <= index) low = middle + 1;
      else high = middle;
    }
    return this.#entries.slice(low);
  }

  /** Resolves at the next entry, view or change of leader. Take it before you look, then nothing is missed. */
  get changed(): Promise<void> {
    return this.#wake.promise;
  }

  /** Follows one decision; returns a function that ends it. */
  onDecision(id: string, listener: DecisionListener): () => void {
    const listeners = this.#decisions.get(id) ?? new Set();
    this.#decisions.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#decisions.get(id) === listeners) this.#decisions.delete(id);
    };
  }

  close(): void {
    for (const stop of this.#unwatch) stop();
  }

  #accept(delivery: WatchDelivery): void {
    this.#ready = true;
    if (delivery.type === 'view') {
      this.#view = delivery.view;
      this.#floor = delivery.view.index;
      this.#entries = [];
      for (const listeners of this.#decisions.values()) for (const listener of listeners) listener(undefined);
    } else {
      // Results of tasks are for watchers of the job; keeping them here would keep whole jobs in memory.
      const events = delivery.events.map(withoutResults);
      this.#entries.push({ index: delivery.index, events });
      if (this.#entries.length >= this.#keep * 2) {
        const dropped = this.#entries.splice(0, this.#entries.length - this.#keep);
        this.#floor = (dropped.at(-1) as FeedEntry).index;
      }
      this.#view = foldView(this.#view, delivery.index, events);
      for (const event of events) {
        if (event.type !== 'decision') continue;
        for (const listener of this.#decisions.get(event.decision.id) ?? []) listener(event.decision);
      }
    }
    this.#notify();
  }

  #notify(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }
}

const NO_RESULT: Uint8Array = new Uint8Array(0);

function withoutResults(event: LedgerEvent): LedgerEvent {
  if (event.type !== 'job') return event;
  return { ...event, settled: event.settled.map((task) => ({ ...task, result: NO_RESULT })) };
}

function replace<T>(list: readonly T[], next: readonly T[], keyOf: (item: T) => string): readonly T[] {
  if (next.length === 0) return list;
  const byKey = new Map(list.map((item) => [keyOf(item), item]));
  for (const item of next) byKey.set(keyOf(item), item);
  return [...byKey.values()];
}

/** The view after one more log entry. Of a node's lives only the newest is kept. */
export function foldView(view: ClusterView, index: number, events: readonly LedgerEvent[]): ClusterView {
  if (!events.some(({ type }) => type === 'node' || type === 'group' || type === 'shards' || type === 'members')) {
    return { ...view, index };
  }
  const newest = new Map(view.nodes.map((node) => [node.node, node.incarnation]));
  const nodes = events
    .flatMap((event) => (event.type === 'node' ? [event.node] : []))
    .filter((node) => node.incarnation >= (newest.get(node.node) ?? 0));
  const groups = events.flatMap((event) => (event.type === 'group' ? [event.group] : []));
  const shards = events.flatMap((event) => (event.type === 'shards' ? event.shards : []));
  const members = events.findLast((event) => event.type === 'members')?.members ?? view.members;
  return {
    index,
    nodes: replace(view.nodes, nodes, (node) => node.node),
    groups: replace(view.groups, groups, (group) => group.group),
    shards: replace(view.shards, shards, shardKey),
    ...(members === undefined ? {} : { members }),
  };
}
