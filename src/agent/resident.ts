import type { ActorOwner, Behavior, Ref, Terminated } from '../actor/index.ts';
import type { AgentAddress } from '../core/index.ts';
import type { Delivery } from './delivery.ts';
import type { IdleList } from './idle-list.ts';
import type { Kept } from './large-values.ts';
import type { Household } from './serving.ts';

/** The agents of one shard, all active under one epoch. */
export interface Tenancy {
  readonly house: Household;
  readonly residents: Map<string, Resident>;
  /** States of those that are in blobs. */
  readonly large: Map<Resident, Kept>;
  /** Where they are while they have nothing to do. */
  readonly idle: IdleList;
  /** Whether senders wait for room in their mailboxes. */
  readonly waits: boolean;
  /** What the actor of one of them does. */
  behavior(address: AgentAddress): Behavior<Delivery>;
  /** The actor of one of them has ended. */
  ended(resident: Resident, terminated: Terminated): void;
}

/** One agent in memory: the owner of its actor. */
export class Resident implements ActorOwner<Delivery> {
  /** Its actor; set by whoever spawns that. */
  ref!: Ref<Delivery>;
  readonly tenancy: Tenancy;
  readonly address: AgentAddress;
  /** Its neighbours in the list of those that have nothing to do. */
  older: Resident | undefined;
  newer: Resident | undefined;
  /** What it remembers takes so many bytes. */
  bytes = 0;
  /** It isn't in memory any more. */
  gone = false;
  /** Messages that wait or run, and what they carry. */
  open = 0;
  openBytes = 0;
  /** The message whose turn runs. */
  running: Delivery | undefined;
  /** Since when the turn runs, or since when it has had nothing to do; monotonic, whole ms. */
  sinceMs: number;
  /** It is being moved: a turn that runs stops before its next step. */
  stopping = false;
  /** The message whose turn stopped so. */
  cut: Delivery | undefined;
  /** It crashed too often and is left alone until this monotonic time, ms; 0 while it serves. */
  restsUntil = 0;
  /** The only request that waits or runs, as most agents have one at a time; all of them by id, once there were several. */
  #requests: Delivery | Map<string, Delivery> | undefined;

  /** @param nowMs monotonic */
  constructor(tenancy: Tenancy, address: AgentAddress, nowMs: number) {
    this.tenancy = tenancy;
    this.address = address;
    this.sinceMs = Math.trunc(nowMs);
  }

  behavior(): Behavior<Delivery> {
    return this.tenancy.behavior(this.address);
  }

  onEnd(terminated: Terminated): void {
    this.tenancy.ended(this, terminated);
  }

  /** The request of this id that waits or runs. */
  request(id: string): Delivery | undefined {
    if (this.#requests instanceof Map) return this.#requests.get(id);
    return this.#requests?.requestId === id ? this.#requests : undefined;
  }

  /** All requests that wait or run; without those that were asked again after they were taken back. */
  requests(): Iterable<Delivery> {
    if (this.#requests instanceof Map) return this.#requests.values();
    return this.#requests === undefined ? [] : [this.#requests];
  }

  /** A request begins to wait. It takes the place of one with the same id. */
  enter(delivery: Delivery): void {
    if (this.open++ === 0) this.tenancy.idle.remove(this);
    this.openBytes += delivery.bytes;
    const known = this.#requests;
    if (known instanceof Map) known.set(delivery.requestId, delivery);
    else if (known === undefined || known.requestId === delivery.requestId) this.#requests = delivery;
    else {
      this.#requests = new Map([
        [known.requestId, known],
        [delivery.requestId, delivery],
      ]);
    }
  }

  /** The turn of a request begins. */
  begin(delivery: Delivery, nowMs: number): void {
    this.running = delivery;
    this.sinceMs = Math.trunc(nowMs);
  }

  /** A request is done with. */
  leave(delivery: Delivery, nowMs: number): void {
    if (this.running === delivery) this.running = undefined;
    const known = this.#requests;
    if (known === delivery) this.#requests = undefined;
    else if (known instanceof Map && known.get(delivery.requestId) === delivery) {
      known.delete(delivery.requestId);
      if (known.size === 0) this.#requests = undefined;
    }
    this.openBytes -= delivery.bytes;
    if (--this.open > 0) return;
    this.sinceMs = Math.trunc(nowMs);
    if (!this.gone && this.restsUntil === 0) this.tenancy.idle.add(this);
  }
}
