import {
  type ActorCell,
  Ask,
  type AskOrigin,
  type AskTarget,
  CYCLE_ACTORS_MAX,
  waitersFor,
} from '../../actor/index.ts';
import type { Envelope } from '../../remote/index.ts';
import { decodePayload, encodePayload } from '../../wire/index.ts';
import { askAbove, chainWith, numberAt } from '../asks-above.ts';
import { HERE, type Neighbour } from './neighbour.ts';

/** Asks whose circle is looked for at a time; past it the oldest is left to its deadline. */
const CHASES_MAX = 1_000;

/** What goes from node to node: who looks, under which number, and the paths of those who wait, from the last to ask upwards. */
type Chase = readonly [starter: string, number: number, paths: readonly string[]];

/** An ask that came from another node: what its answerer asks for it names the asks above. */
export class Origin implements AskOrigin {
  readonly lender: Neighbour;
  readonly correlation: number;
  /** The asks above it. */
  readonly askers: readonly string[] | undefined;
  readonly #circles: Circles;

  constructor(circles: Circles, lender: Neighbour, { correlation, askers }: Envelope) {
    this.#circles = circles;
    this.lender = lender;
    this.correlation = correlation;
    this.askers = askers;
  }

  /** The asks above one that is made for it. */
  get chain(): readonly string[] {
    return chainWith(this.askers, askAbove(this.lender.key, this.correlation));
  }

  chase(ask: Ask): void {
    this.#circles.chase(this, ask);
  }
}

/**
 * Finds actors of several nodes that wait for each other in a circle. The asks above an ask come with it, so the node that it gets to
 * sees when its target has made one of them. Whether all between still wait only their nodes know: a question goes up along the asks, and
 * when it comes back to its beginning the ask has closed a circle. (This is the edge chasing of Chandy, Misra and Haas, "Distributed
 * deadlock detection", 1983, upwards, and only where a chain gives cause for it.)
 */
export class Circles {
  readonly #self: string;
  readonly #neighbours: () => Iterable<Neighbour>;
  /** The asks that may have closed a circle, oldest first. */
  readonly #chases: Map<number, Ask> = new Map();
  #last = 0;

  /** @param self this life of the node, as in addresses */
  constructor(self: string, neighbours: () => Iterable<Neighbour>) {
    this.#self = self;
    this.#neighbours = neighbours;
  }

  /** An ask has come from another node, and is in its target's mailbox. */
  came(lender: Neighbour, envelope: Envelope, ask: Ask): void {
    const origin = new Origin(this, lender, envelope);
    ask.origin = origin;
    if (envelope.askers !== undefined && ask.target.busy) this.chase(origin, ask);
  }

  /** See `AskOrigin.chase`. */
  chase({ askers = [], lender, correlation }: Origin, ask: Ask): void {
    if (!askers.some((above) => this.#isMadeBy(ask.target, above))) return;
    const number = ++this.#last;
    this.#chases.set(number, ask);
    if (this.#chases.size > CHASES_MAX) this.#chases.delete(this.#chases.keys().next().value as number);
    this.#ask(lender, correlation, [this.#self, number, this.#pathsOf(waitersFor(ask)?.actors ?? [])]);
  }

  /** A question about an ask of this node to an actor of `from`. */
  asked(from: Neighbour, { correlation, payload }: Envelope): void {
    const [starter, number, paths] = decodePayload(payload) as Chase;
    const ask = from.loans.get(correlation)?.ask;
    const waiters = ask instanceof Ask ? waitersFor(ask) : undefined;
    const closing = starter === this.#self ? this.#chases.get(number) : undefined;
    if (waiters === undefined || (starter === this.#self && closing === undefined)) return;
    const { actors, origin } = waiters;
    const at = closing === undefined ? -1 : actors.indexOf(closing.target as ActorCell<unknown>);
    if (closing !== undefined && at >= 0) {
      this.#chases.delete(number);
      const upwards = [...paths, ...this.#pathsOf(actors.slice(0, at + 1))];
      closing.closesCycle([upwards[0] as string, ...upwards.toReversed()]);
    } else if (origin instanceof Origin && paths.length + actors.length <= CYCLE_ACTORS_MAX)
      this.#ask(origin.lender, origin.correlation, [starter, number, [...paths, ...this.#pathsOf(actors)]]);
  }

  #isMadeBy(target: AskTarget, above: string): boolean {
    const number = numberAt(this.#self, above);
    if (number === undefined) return false;
    // Numbers are each neighbour's own. Another one's ask may be taken for it: then it is asked about in vain.
    for (const { loans } of this.#neighbours()) {
      const ask = loans.get(number)?.ask;
      if (ask instanceof Ask && waitersFor(ask)?.actors.some((actor) => actor === target)) return true;
    }
    return false;
  }

  #pathsOf(actors: readonly ActorCell<unknown>[]): string[] {
    return actors.map(({ path }) => this.#self + path);
  }

  #ask(lender: Neighbour, correlation: number, chase: Chase): void {
    const payload = encodePayload(chase);
    const key = `o${chase[0]}/${chase[1]}`;
    lender.tell(key, { kind: 'tell', to: HERE, correlation, method: 'circle', payload });
  }
}
