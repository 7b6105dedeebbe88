import type { Coordinator, ShardRecord } from '../coordinator/index.ts';
import { type Clock, delay, errorMessage, type Logger, type NodeRef, nodeRefKey, shardKey } from '../core/index.ts';
import type { Lane } from '../remote/index.ts';
import { encodePayload } from '../wire/index.ts';
import { bytesOf, type Cargo, type Parcel, partsOf } from './cargo.ts';
import type { Peers } from './peers.ts';
import { sameNode } from './view.ts';

/** Shipments on their way to one target up to which further shards are stopped for it: those gather meanwhile, and go together. */
const SHIPMENTS_MAX = 2;
/** Messages of one shipment together, bytes; a single shard may have more. */
const SHIPMENT_BYTES_MAX = 4 * 1024 * 1024;
/** Targets to which lanes are known to be open; forgotten when there are more. */
const GREETED_MAX = 1_000;
/**
 * Time for a target to answer before anything stands still for it, ms. One that has joined and hasn't heard of this node yet drops its
 * answers; it is asked again soon.
 */
const GREET_TIMEOUT_MS = 1_000;
/** Time for the new owner to take a part of the cargo, ms. */
export const STAGE_TIMEOUT_MS = 10_000;
/** Time for the new owner to see that it owns the shards, ms. */
export const ACTIVE_TIMEOUT_MS = 5_000;
/** Pause before the ledger is asked again who owns shards, ms. */
const ASK_AGAIN_MS = 100;

/** What became of a shard: it is the target's and active there, or it isn't, and may yet be ours. */
export type Shipped =
  | { readonly moved: true }
  | { readonly moved: false; readonly ours: boolean; readonly error: unknown };

/** What shipping takes. */
export interface ShippingParts {
  readonly self: NodeRef;
  readonly peers: Peers;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiting {
  /** As the ledger had it before. */
  readonly record: ShardRecord;
  readonly cargo: Cargo;
  readonly bytes: number;
  readonly settle: (shipped: Shipped) => void;
}

/** What is to go to one target. */
interface Dock {
  readonly target: NodeRef;
  readonly waiting: Waiting[];
  underWay: number;
  /** Resolves when the next shipment has arrived. */
  arrival: PromiseWithResolvers<void>;
}

/**
 * Brings shards to their next owners: cargo first, then one command that makes them the target's, then its word that it knows. Shards
 * that are ready while others are on their way to the same target go together, by one message, one command and one question, so that what
 * many shards cost is what their cargo costs.
 */
export class Shipping {
  readonly #parts: ShippingParts;
  readonly #docks: Map<string, Dock> = new Map();
  readonly #greeted: Set<string> = new Set();
  #closed = false;

  constructor(parts: ShippingParts) {
    this.#parts = parts;
  }

  /**
   * Opens the lanes to a target, both ways, while nothing stands still yet: a first connection takes tens of milliseconds.
   * @throws TroupeError NODE_UNAVAILABLE, TIMEOUT
   */
  async greet(target: NodeRef): Promise<void> {
    const key = nodeRefKey(target);
    if (this.#greeted.has(key)) return;
    const { peers } = this.#parts;
    const nothing = encodePayload([]);
    const greet = (lane: Lane): Promise<unknown> =>
      peers.request(target, lane, 'handover', 'active', nothing, GREET_TIMEOUT_MS);
    await Promise.all([greet('bulk'), greet('system')]);
    if (this.#greeted.size >= GREETED_MAX) this.#greeted.clear();
    this.#greeted.add(key);
  }

  /** Resolves when a shipment to a target may leave: a shard that stopped before would stand still for those under way. */
  async berth(target: NodeRef): Promise<void> {
    const key = nodeRefKey(target);
    for (let dock = this.#docks.get(key); dock && dock.underWay >= SHIPMENTS_MAX; dock = this.#docks.get(key)) {
      await dock.arrival.promise;
    }
  }

  /** Brings a shard that this node owns, and has stopped, to its next owner. Never rejects. */
  ship(record: ShardRecord, cargo: Cargo, target: NodeRef): Promise<Shipped> {
    const key = nodeRefKey(target);
    const dock = this.#docks.get(key) ?? { target, waiting: [], underWay: 0, arrival: Promise.withResolvers() };
    this.#docks.set(key, dock);
    return new Promise((settle) => {
      dock.waiting.push({ record, cargo, bytes: bytesOf(cargo), settle });
      // Shards that are ready in the same breath go together.
      queueMicrotask(() => this.#sail(key, dock));
    });
  }

  /** The ledger isn't asked any more. */
  close(): void {
    this.#closed = true;
  }

  #sail(key: string, dock: Dock): void {
    while (dock.waiting.length > 0) {
      const load = dock.waiting.splice(0, loadLength(dock.waiting));
      dock.underWay++;
      void this.#carry(load, dock.target).then((settle) => {
        dock.underWay--;
        dock.arrival.resolve();
        dock.arrival = Promise.withResolvers();
        for (const waiting of load) waiting.settle(settle(waiting));
        if (dock.underWay === 0 && dock.waiting.length === 0) this.#docks.delete(key);
      });
    }
  }

  async #carry(load: readonly Waiting[], to: NodeRef): Promise<(waiting: Waiting) => Shipped> {
    const { peers, coordinator, logger } = this.#parts;
    const parcels = load.map(({ record, cargo }): Parcel => ({ ...nextOf(record), cargo }));
    const [first, ...others] = parcels as [Parcel, ...Parcel[]];
    // What goes together is small, or it is alone.
    const parts = others.length > 0 ? [parcels] : Array.from(partsOf(first), (part) => [part]);
    const names = encodePayload(load.map(({ record }) => nextOf(record)));
    let active: Promise<unknown> | undefined;
    try {
      for (const part of parts) {
        await peers.request(to, 'bulk', 'handover', 'stage', encodePayload(part), STAGE_TIMEOUT_MS);
      }
      // Asked beforehand, so that it answers as soon as it knows.
      active = peers.request(to, 'system', 'handover', 'active', names, ACTIVE_TIMEOUT_MS).catch(errorMessage);
      const fences = load.map(({ record: { group, shard, epoch } }) => ({ group, shard, epoch }));
      await coordinator.execute('shards.transfer', { fences, to });
    } catch (error) {
      const ours = active === undefined ? () => true : await this.#stillOurs();
      return ({ record }) => ({ moved: false, ours: ours(record), error });
    }
    const unheard = await active;
    if (typeof unheard === 'string') logger.debug('new owner not heard', { error: unheard });
    return () => ({ moved: true });
  }

  /** After a failed transfer: it may have been done all the same, and then nothing here may act for the shards again. */
  async #stillOurs(): Promise<(record: ShardRecord) => boolean> {
    const { coordinator, clock, self } = this.#parts;
    while (!this.#closed) {
      try {
        const { shards } = await coordinator.query('cluster.view', {});
        const now = new Map(shards.map((shard) => [shardKey(shard), shard]));
        return (record) => {
          const { epoch, owner } = now.get(shardKey(record)) ?? {};
          return epoch === record.epoch && sameNode(owner, self);
        };
      } catch {
        await delay(clock, ASK_AGAIN_MS);
      }
    }
    return () => false;
  }
}

function nextOf({ group, shard, epoch }: ShardRecord): Omit<Parcel, 'cargo'> {
  return { group, shard, epoch: epoch + 1 };
}

/** How many of those that wait go together. */
function loadLength(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const full = waiting.findIndex((next, at) => {
    bytes += next.bytes;
    return at > 0 && bytes > SHIPMENT_BYTES_MAX;
  });
  return full < 0 ? waiting.length : full;
}
