import type { Ref } from '../actor/index.ts';
import type { NodeRef, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import type { IdleList } from './idle-list.ts';

/** Whoever waits for a reply. */
export interface Asker {
  readonly node: NodeRef;
  readonly correlation: number;
}

/** One message in an agent's mailbox. What few messages need is made when first used. */
export class Delivery {
  readonly envelope: Envelope;
  readonly requestId: string;
  /** The agent it is for. */
  readonly resident: Resident;
  /** Everyone who asked this request; a repeated request joins the one that waits. */
  readonly askers: Asker[];
  /** Monotonic time of the deadline, the last one of its askers, ms; Infinity without one. */
  deadlineAt: number;
  /** It is done with, whatever came of it. */
  settled = false;
  /** Monotonic time since which it waits, ms, and its neighbours among all that wait here. */
  waitsSince = 0;
  before: Delivery | undefined;
  behind: Delivery | undefined;
  #cancelled: TroupeError | undefined;
  #abort: AbortController | undefined;

  constructor(envelope: Envelope, requestId: string, resident: Resident, askers: Asker[], deadlineAt: number) {
    this.envelope = envelope;
    this.requestId = requestId;
    this.resident = resident;
    this.askers = askers;
    this.deadlineAt = deadlineAt;
  }

  /** Whether the last asker took the request back. */
  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Fires when the last asker takes the request back. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#cancelled !== undefined) this.#abort.abort(this.#cancelled);
    }
    return this.#abort.signal;
  }

  cancel(reason: TroupeError): void {
    this.#cancelled = reason;
    this.#abort?.abort(reason);
  }
}

/** One agent in memory. */
export class Resident {
  readonly ref: Ref<Delivery>;
  /** Its shard's name, and its key there. */
  readonly shard: string;
  readonly key: string;
  /** Where it is while it has nothing to do, and its neighbours there. */
  readonly idle: IdleList;
  older: Resident | undefined;
  newer: Resident | undefined;
  /** What it remembers takes so many bytes. */
  bytes = 0;
  /** It isn't in memory any more. */
  gone = false;
  /** Messages that wait or run. */
  open = 0;
  /** The message whose turn runs, and since when, monotonic ms. */
  running: Delivery | undefined;
  runningSince = 0;
  /** It is being moved: a turn that runs stops before its next step. */
  stopping = false;
  /** The message whose turn stopped so. */
  cut: Delivery | undefined;
  /** Monotonic time since which it has had nothing to do, ms. */
  idleSince: number;
  /** It crashed too often and is left alone until this monotonic time, ms; 0 while it serves. */
  restsUntil = 0;
  /** The only request that waits or runs; most agents have one at a time. */
  #only: Delivery | undefined;
  /** All of them by id, once there were several. */
  #requests: Map<string, Delivery> | undefined;

  constructor(ref: Ref<Delivery>, shard: string, key: string, idle: IdleList, nowMs: number) {
    this.ref = ref;
    this.shard = shard;
    this.key = key;
    this.idle = idle;
    this.idleSince = nowMs;
  }

  /** The request of this id that waits or runs. */
  request(id: string): Delivery | undefined {
    if (this.#requests !== undefined) return this.#requests.get(id);
    return this.#only?.requestId === id ? this.#only : undefined;
  }

  /** All requests that wait or run; without those that were asked again after they were taken back. */
  requests(): Iterable<Delivery> {
    return this.#requests?.values() ?? (this.#only === undefined ? [] : [this.#only]);
  }

  /** A request begins to wait. It takes the place of one with the same id. */
  enter(delivery: Delivery): void {
    if (this.open++ === 0) this.idle.remove(this);
    if (this.#requests === undefined && (this.#only === undefined || this.#only.requestId === delivery.requestId)) {
      this.#only = delivery;
      return;
    }
    if (this.#requests === undefined) {
      this.#requests = new Map();
      if (this.#only !== undefined) this.#requests.set(this.#only.requestId, this.#only);
      this.#only = undefined;
    }
    this.#requests.set(delivery.requestId, delivery);
  }

  /** A request is done with. */
  leave(delivery: Delivery, nowMs: number): void {
    this.idleSince = nowMs;
    if (--this.open === 0 && !this.gone && this.restsUntil === 0) this.idle.add(this);
    if (this.running === delivery) this.running = undefined;
    if (this.#only === delivery) this.#only = undefined;
    const { requestId } = delivery;
    if (this.#requests?.get(requestId) !== delivery) return;
    this.#requests.delete(requestId);
    if (this.#requests.size === 0) this.#requests = undefined;
  }
}
