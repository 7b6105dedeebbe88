import type { Random } from '../../src/core/index.ts';
import { TroupeError } from '../../src/core/index.ts';
import { exponential, type LinkPlan } from './plan.ts';
import type { Tally } from './tally.ts';
import type { Actor, World } from './world.ts';

/** Half of the copies come soon, within so many delays; the other half within `replayMs`. */
const REPLAY_DELAYS = 3;

/** A stream whose bytes don't come is given up by its connection after so long, ms. */
const STREAM_BREAKS_MS = 5_000;

interface Link {
  blocked: number;
  cloggedUntil: number;
  /** When the last message arrives, for links that keep the order. */
  last: number;
}

/** Links between every two of machines and clients, each direction for itself. */
export class Network {
  plan: LinkPlan;
  readonly #world: World;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #links: Map<string, Link> = new Map();

  constructor(world: World, random: Random, plan: LinkPlan, tally: Tally) {
    this.#world = world;
    this.#random = random;
    this.plan = plan;
    this.#tally = tally;
  }

  /** Sends a message: `arrive` happens at `to`, once, never or more often. */
  carry(from: Actor, to: Actor, arrive: () => void): void {
    const link = this.#link(from.name, to.name);
    const random = this.#random;
    if (link.blocked > 0) this.#tally.count('messages cut off');
    else if (random.next() < this.plan.loss) this.#tally.count('messages lost');
    else {
      this.#arriveIn(this.#delay(link), link, to, arrive);
      if (random.next() >= this.plan.replay) return;
      this.#tally.count('messages replayed');
      const { delayMs, jitterMs, replayMs } = this.plan;
      const within = random.next() < 0.5 ? REPLAY_DELAYS * (delayMs + jitterMs) : replayMs * random.next();
      this.#arriveIn(random.next() * within, link, to, arrive);
    }
  }

  /** A byte stream's way from one to the other: never lost, in order; fails when nothing can pass for too long. */
  pass(from: Actor, to: Actor): Promise<void> {
    const link = this.#link(from.name, to.name);
    return new Promise((resolve, reject) => {
      const broken = (): void => reject(new TroupeError('NODE_UNAVAILABLE', `the connection to ${to.name} broke`));
      const arrive = (): void => (link.blocked > 0 ? broken() : resolve());
      if (link.blocked > 0) this.#world.schedule(STREAM_BREAKS_MS, to, broken, true);
      else this.#world.schedule(this.#delay(link), to, arrive, true);
    });
  }

  /** Lets nothing pass in this direction until the returned function is called. */
  block(from: string, to: string): () => void {
    const link = this.#link(from, to);
    let blocks = true;
    link.blocked++;
    return () => {
      if (blocks) link.blocked--;
      blocks = false;
    };
  }

  /** Holds everything back in this direction for a while; then all of it comes at once. */
  clog(from: string, to: string, forMs: number): void {
    this.#link(from, to).cloggedUntil = this.#world.now + forMs;
  }

  /** Ends every clog; blocks are ended by whoever made them. */
  unclog(): void {
    for (const link of this.#links.values()) link.cloggedUntil = 0;
  }

  #arriveIn(delayMs: number, link: Link, to: Actor, arrive: () => void): void {
    const passes = (): void => {
      if (link.blocked > 0) this.#tally.count('messages cut off');
      else arrive();
    };
    this.#world.schedule(delayMs, to, passes, true);
  }

  #delay(link: Link): number {
    const { now } = this.#world;
    const { delayMs, jitterMs, reorder } = this.plan;
    let at = Math.max(now, link.cloggedUntil) + delayMs + exponential(this.#random, jitterMs);
    if (!reorder) at = Math.max(at, link.last);
    link.last = Math.max(at, link.last);
    return at - now;
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { blocked: 0, cloggedUntil: 0, last: 0 };
      this.#links.set(key, link);
    }
    return link;
  }
}
