import type { Clock, NodeRef, Timer } from '../../core/index.ts';
import { nodeRefKey } from '../../core/index.ts';
import type { PoolLoad, ScaleTarget } from './policy.ts';

/** How often a node measures its load and tells it, ms. */
export const LOAD_MS = 1_000;
/** How often the event loop's lateness is measured, ms. */
const LAG_MS = 100;
/** A load that is older says nothing any more, ms. */
const STALE_MS = 5_000;
/** What is lower in a report is none, and what is higher is this: a report is bounded, whoever sent it. */
const VALUE_MAX = 1e9;

/** What one node bears, as it travels on its keep-alives. */
export type NodeLoad = ScaleTarget;

/** Reads a report that may come from anywhere; undefined when it is none. */
export function readLoad(value: unknown): NodeLoad | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { open, waitMs, lagMs } = value as Record<string, unknown>;
  const sane = (each: unknown): each is number => typeof each === 'number' && each >= 0 && each <= VALUE_MAX;
  return sane(open) && sane(waitMs) && sane(lagMs) ? { open, waitMs, lagMs } : undefined;
}

/** Measures the load of the thread that it runs in, and tells it each `LOAD_MS`; lateness is that of a mean beat, so that one pause is none. */
export class LoadMeter {
  readonly #timers: readonly Timer[];
  /** Lateness of all beats since the last report, ms, and how many they were. */
  #lateMs = 0;
  #beats = 0;
  #beatAt: number;

  /** @param backlog messages that wait or run, and the age of the oldest that waits */
  constructor(clock: Clock, backlog: () => Omit<NodeLoad, 'lagMs'>, tell: (load: NodeLoad) => void) {
    this.#beatAt = clock.monotonic();
    this.#timers = [
      clock.repeat(LAG_MS, () => {
        const now = clock.monotonic();
        this.#lateMs += Math.max(0, now - this.#beatAt - LAG_MS);
        this.#beats++;
        this.#beatAt = now;
      }),
      clock.repeat(LOAD_MS, () => {
        tell({ ...backlog(), lagMs: Math.round(this.#lateMs / Math.max(1, this.#beats)) });
        this.#lateMs = 0;
        this.#beats = 0;
      }),
    ];
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}

/** The last load that a thread told, for another one to pass on: a thread that is silent for too long is late by that. */
export class ToldLoad {
  readonly #clock: Clock;
  #load: NodeLoad | undefined;
  #toldAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tell(load: NodeLoad | undefined): void {
    this.#load = load;
    this.#toldAt = this.#clock.monotonic();
  }

  /** The load now; undefined while none was told. */
  get now(): NodeLoad | undefined {
    if (this.#load === undefined) return undefined;
    const silentMs = Math.round(this.#clock.monotonic() - this.#toldAt - LOAD_MS);
    return silentMs > this.#load.lagMs ? { ...this.#load, lagMs: silentMs } : this.#load;
  }
}

/** The loads that nodes told, newest of each life. */
export class LoadBook {
  readonly #clock: Clock;
  readonly #told: Map<string, { readonly load: NodeLoad; readonly atMs: number }> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(node: NodeRef, load: NodeLoad): void {
    this.#told.set(nodeRefKey(node), { load, atMs: this.#clock.monotonic() });
  }

  /** Forgets all but these lives, so that memory is bounded by the cluster's size. */
  keep(nodes: readonly NodeRef[]): void {
    const keys = new Set(nodes.map(nodeRefKey));
    for (const key of this.#told.keys()) if (!keys.has(key)) this.#told.delete(key);
  }

  /** What a life told lately. */
  of(node: NodeRef): NodeLoad | undefined {
    const told = this.#told.get(nodeRefKey(node));
    return told !== undefined && this.#clock.monotonic() - told.atMs <= STALE_MS ? told.load : undefined;
  }

  /** The load of these lives together. */
  sum(nodes: readonly NodeRef[]): PoolLoad {
    const sum = { heard: 0, missing: 0, open: 0, waitMs: 0, lagMs: 0 };
    for (const node of nodes) {
      const load = this.of(node);
      if (load === undefined) sum.missing++;
      else {
        sum.heard++;
        for (const name of ['open', 'waitMs', 'lagMs'] as const) sum[name] += load[name];
      }
    }
    return sum;
  }
}
