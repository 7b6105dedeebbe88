import type { Ref as KernelRef } from '../actor/index.ts';
import type { Host } from '../agent/index.ts';
import type { Actors } from '../cluster/index.ts';
import {
  type Clock,
  errorMessage,
  type Logger,
  nullLogger,
  type Random,
  systemClock,
  systemRandom,
} from '../core/index.ts';
import { functionsOf, type Nact } from './api.ts';
import { Home, type RemoteSystems } from './home.ts';
import { journalEngine } from './journal.ts';
import type { Ref } from './references.ts';
import type { Mail } from './types.ts';

/** Name of the actor on each node that takes mail from other nodes for systems there. */
const GATE = 'troupe.nact';
/** Parcels that may wait at the gate, and for a gate that is being looked up. */
export const PARCELS_MAX = 10_000;

/** What goes from node to node. */
type Parcel = { readonly to: Ref<unknown> } & (
  | { readonly message: unknown; readonly sender: Ref<unknown> }
  | { readonly stop: true }
);

/** The node that systems are to run on: what `defineActors` is given, or its parts. */
export interface NactNode {
  /** The actors of this life of the node: systems end with it. */
  readonly actors: Actors;
  /** Where persistent actors are kept, if the cluster knows the kind `nactJournal`. Default: nowhere. */
  readonly host?: Host;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * nact's functions on a node of a cluster. Systems and actors live on the node that starts them; their refs, as data, may go
 * to any other node in any message of nact's, and work there. Called once in each life of a node.
 *
 * @example
 * export const shop = defineActors((scope) => openShop(nactOnNode(scope)));
 * @throws TroupeError ALREADY_EXISTS when this life of the node has them already
 */
export function nactOnNode(node: NactNode): Nact {
  const { actors, host, clock = systemClock, random = systemRandom, log = nullLogger } = node;
  const remote = new Ways(actors, log);
  const persistence = host === undefined ? {} : { persistence: journalEngine(host) };
  const home = new Home({ clock, random, logger: log, remote, ...persistence });
  actors.spawn<Parcel>(
    () => ({
      receive(parcel) {
        if ('stop' in parcel) home.stop(parcel.to);
        else home.deliverHere(parcel.to, parcel);
      },
      stop: () => home.close(),
    }),
    { name: GATE, mailbox: { capacity: PARCELS_MAX, overflow: 'backpressure' } },
  );
  return functionsOf(home);
}

/** The ways to the gates of other nodes. */
class Ways implements RemoteSystems {
  readonly node: string;
  readonly #actors: Actors;
  readonly #logger: Logger;
  /** Each to one life of a node, or what waits while that is looked up. */
  readonly #ways = new Map<string, KernelRef<Parcel> | Parcel[]>();

  constructor(actors: Actors, logger: Logger) {
    this.node = actors.self.node;
    this.#actors = actors;
    this.#logger = logger;
  }

  send(to: Ref<unknown>, mail: Mail<unknown>): void {
    this.#post({ to, ...mail });
  }

  stop(to: Ref<unknown>): void {
    this.#post({ to, stop: true });
  }

  #post(parcel: Parcel): void {
    const node = parcel.to.system.node as string;
    const way = this.#ways.get(node);
    if (way === undefined) {
      this.#ways.set(node, [parcel]);
      void this.#find(node);
    } else if (!Array.isArray(way)) {
      if (!way.tell(parcel)) this.#dropped(node, 1, 'the way to the node is full, or the message can not be encoded');
    } else if (way.length < PARCELS_MAX) {
      way.push(parcel);
    } else {
      this.#dropped(node, 1, 'too much waits while the node is looked up');
    }
  }

  async #find(node: string): Promise<void> {
    const waiting = this.#ways.get(node) as Parcel[];
    try {
      const gate = await this.#actors.find<Parcel>(node, GATE);
      this.#ways.set(node, gate);
      // The next life of the node has another gate.
      this.#actors.watch(gate, () => this.#ways.delete(node));
      for (const parcel of waiting) this.#post(parcel);
    } catch (error) {
      this.#ways.delete(node);
      this.#dropped(node, waiting.length, errorMessage(error));
    }
  }

  #dropped(node: string, messages: number, reason: string): void {
    this.#logger.warn('nact: messages to another node dropped', { node, messages, reason });
  }
}
