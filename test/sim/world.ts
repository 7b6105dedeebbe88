import type { Random } from '../../src/core/index.ts';

/**
 * What events belong to: a machine, or a client. Its `life` grows when it crashes, and events of an earlier life never happen;
 * while it is paused its events wait.
 */
export interface Actor {
  readonly name: string;
  life: number;
  /** Virtual time until which nothing happens on it, ms. */
  pausedUntil: number;
}

/** Something that will happen. */
export interface Event {
  at: number;
  readonly order: number;
  readonly actor: Actor;
  /** The life of the actor it belongs to; undefined for whichever lives then. */
  readonly life: number | undefined;
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined;
}

/** After a pause a machine reads what has come meanwhile, from all its connections in no order, within so long, ms. */
const CATCH_UP_MS = 5;

/** Events after which the real event loop gets a turn, so that signals and test runners are heard. */
const TURN_EVENTS = 2_048;

/**
 * Virtual time. Events lie in a heap by (time, order of scheduling); between two of them every promise settles, so one
 * seed gives one run, however fast the machine is.
 */
export class World {
  /** Virtual time, ms. */
  now = 0;
  /** Events that happened. */
  events = 0;
  readonly #heap: Event[] = [];
  #order = 0;
  readonly #random: Random;
  /** Called after each event, when all that it caused has settled. */
  afterEvent: (actor: Actor) => void = () => {};

  /** @param random decides in which order what came during a pause is read */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Lets `run` happen to `actor` after `delayMs`; in its present life only, unless `anyLife`. */
  schedule(delayMs: number, actor: Actor, run: () => void, anyLife = false): Event {
    const at = this.now + Math.max(0, delayMs);
    const event: Event = { at, order: this.#order++, actor, life: anyLife ? undefined : actor.life, run };
    this.#push(event);
    return event;
  }

  /** Resolves on `actor` after `delayMs`; never, when its life ends before. */
  wait(delayMs: number, actor: Actor): Promise<void> {
    return new Promise((resolve) => this.schedule(delayMs, actor, resolve));
  }

  /** Lets everything happen until virtual time `until`, or until `done` says so. */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    for (let turn = 0; !done(); ) {
      const event = this.#next(until);
      if (event === undefined) break;
      this.now = event.at;
      this.events++;
      event.run?.();
      await settled();
      this.afterEvent(event.actor);
      if (++turn % TURN_EVENTS === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (!done()) this.now = Math.max(this.now, until);
  }

  #next(until: number): Event | undefined {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.at > until) return undefined;
      this.#pop();
      const { actor, life } = event;
      if (event.run === undefined || (life !== undefined && life !== actor.life)) continue;
      if (actor.pausedUntil <= event.at) return event;
      // Timers keep their order; messages don't, as each link has a connection of its own.
      event.at = actor.pausedUntil + (life === undefined ? CATCH_UP_MS * this.#random.next() : 0);
      this.#push(event);
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Resolves when no microtask is left: a tick of Node's own queue begins only after all of them, those that they add included. It
 * costs less than half of what a turn of the event loop does.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}
