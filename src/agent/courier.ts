import {
  type AgentAddress,
  agentAddressKey,
  type BackoffPolicy,
  backoffMs,
  type Clock,
  errorMessage,
  type Fence,
  isTroupeError,
  type Logger,
  type Random,
  shardKey,
  type Timer,
} from '../core/index.ts';
import type { Host } from './host.ts';

/** Pauses between two tries to deliver a message. */
const BACKOFF: BackoffPolicy = { minMs: 500, maxMs: 60_000, jitter: 0.2 };
/** Tries that may fail in the receiver's handler before a message is given up. */
export const FAILURES_MAX = 10;
/** A try has this long: the agent that has it answers when its turn ends, ms (the longest that a timer can have). */
const TRY_MS_MAX: number = 2 ** 31 - 1;
/** Agents whose mail is with this node's courier; that of further ones waits in their journals. */
const AGENTS_MAX = 100_000;
/** A parcel without an answer is sent again after so long, ms: who has it knows it, and what was lost on its way nobody else would miss. */
const RENEW_MS = 30_000;
/** What has arrived is told to the sender's journal after so long, unless a turn of it takes that along, ms. */
const TELL_MS = 1_000;
/** While the journal hasn't heard of it, it is told again after so long, ms. */
const RETELL_MS = 10_000;

/** What a repetition can't mend: the message is given up at once. */
const HOPELESS: ReadonlySet<string> = new Set([
  'UNKNOWN_MESSAGE',
  'SCHEMA_MISMATCH',
  'INVALID_ARGUMENT',
  'MESSAGE_TOO_LARGE',
]);
/** What says nothing about the message: it is tried for as long as it takes. */
const PATIENT: ReadonlySet<string> = new Set([
  'STEP_UNKNOWN',
  'MAILBOX_FULL',
  'OVERLOADED',
  'NODE_UNAVAILABLE',
  'ACTOR_TERMINATED',
  'UNKNOWN_AGENT',
  'NOT_OWNER',
  'SHUTTING_DOWN',
  'TIMEOUT',
  'CANCELLED',
]);

/** Something to deliver. */
export interface Parcel {
  /** No two of an agent have the same. */
  readonly id: string;
  /** Parcels of one agent and one queue are delivered one after the other. */
  readonly queue: string;
  readonly to: AgentAddress;
  /** As the receiver's runtime knows it, and what it is told. */
  readonly method: string;
  readonly input: unknown;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  /** Whether the agent's journal knows by itself when it has arrived. */
  readonly noted: boolean;
  /** What it stands for, for the log. */
  readonly what: string;
}

interface Bag {
  readonly fence: Fence;
  readonly address: AgentAddress;
  readonly queues: Map<string, Parcel[]>;
  /** Parcels under way, and those that have ended and that the journal doesn't know of yet. */
  readonly known: Set<string>;
  readonly ended: Set<string>;
  telling: Timer | undefined;
}

/** What a courier is made of. */
export interface CourierParts {
  readonly host: Pick<Host, 'ask'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Asks an agent of this node to let its journal know what has ended. */
  readonly tell: (fence: Fence, address: AgentAddress) => void;
}

/**
 * Delivers what agents of this node have in their journals: durable messages to others, and what is due to themselves. Each queue goes
 * one by one, so that order is kept; what fails is tried again after a growing pause. All of it may be forgotten at any time: it is found
 * again in the journals.
 */
export class Courier {
  readonly #parts: CourierParts;
  /** By shard, then by agent. */
  readonly #shards: Map<string, Map<string, Bag>> = new Map();
  #bags = 0;
  #closed = false;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  /**
   * Delivers these too; those that are under way already, or have ended, are left out.
   *
   * @returns whether there was room
   */
  carry(fence: Fence, address: AgentAddress, parcels: Iterable<Parcel>): boolean {
    if (this.#closed) return true;
    for (const parcel of parcels) {
      const bag = this.#bag(fence, address);
      if (bag === undefined) return false;
      if (bag.known.has(parcel.id)) continue;
      bag.known.add(parcel.id);
      const queue = bag.queues.get(parcel.queue);
      if (queue !== undefined) queue.push(parcel);
      else {
        bag.queues.set(parcel.queue, [parcel]);
        void this.#empty(bag, parcel.queue);
      }
    }
    return true;
  }

  /** What has ended and isn't in the agent's journal yet. */
  ended(fence: Fence, address: AgentAddress): ReadonlySet<string> | undefined {
    const bag = this.#find(fence, address);
    return bag?.fence.epoch === fence.epoch ? bag.ended : undefined;
  }

  /** The journal knows of these. */
  told(fence: Fence, address: AgentAddress, parcels: Iterable<string>): void {
    const bag = this.#find(fence, address);
    if (bag?.fence.epoch !== fence.epoch) return;
    for (const id of parcels) {
      bag.ended.delete(id);
      bag.known.delete(id);
    }
    if (bag.ended.size === 0) {
      bag.telling?.cancel();
      bag.telling = undefined;
    }
    this.#tidy(bag);
  }

  /** The shard goes from here: its next owner finds everything in the journals. */
  drop(fence: Fence): void {
    for (const bag of [...(this.#shards.get(shardKey(fence))?.values() ?? [])]) {
      if (bag.fence.epoch <= fence.epoch) this.#forget(bag);
    }
  }

  close(): void {
    this.#closed = true;
    for (const bags of [...this.#shards.values()]) for (const bag of [...bags.values()]) this.#forget(bag);
  }

  #bag(fence: Fence, address: AgentAddress): Bag | undefined {
    const known = this.#find(fence, address);
    if (known?.fence.epoch === fence.epoch) return known;
    if (known !== undefined) this.#forget(known);
    if (this.#bags >= AGENTS_MAX) return undefined;
    const bag = {
      fence,
      address,
      queues: new Map(),
      known: new Set<string>(),
      ended: new Set<string>(),
      telling: undefined,
    };
    const shard = shardKey(fence);
    const bags = this.#shards.get(shard) ?? new Map<string, Bag>();
    this.#shards.set(shard, bags.set(address.key, bag));
    this.#bags++;
    return bag;
  }

  #find(fence: Fence, address: AgentAddress): Bag | undefined {
    return this.#shards.get(shardKey(fence))?.get(address.key);
  }

  /** Delivers a queue until it is empty. */
  async #empty(bag: Bag, name: string): Promise<void> {
    const queue = bag.queues.get(name) as Parcel[];
    for (let parcel = queue[0]; parcel !== undefined && this.#has(bag); parcel = queue[0]) {
      const arrived = await this.#deliver(bag, parcel);
      if (!this.#has(bag)) return;
      queue.shift();
      if (arrived && parcel.noted) {
        bag.known.delete(parcel.id);
        continue;
      }
      bag.ended.add(parcel.id);
      bag.telling ??= this.#tellIn(bag, TELL_MS);
    }
    bag.queues.delete(name);
    this.#tidy(bag);
  }

  #tellIn(bag: Bag, ms: number): Timer {
    return this.#parts.clock.schedule(ms, () => {
      bag.telling = this.#tellIn(bag, RETELL_MS);
      this.#parts.tell(bag.fence, bag.address);
    });
  }

  /** @returns whether it has arrived; else it was given up */
  async #deliver(bag: Bag, parcel: Parcel): Promise<boolean> {
    const { clock, random, logger } = this.#parts;
    const { to } = parcel;
    for (let [tries, failures] = [0, 0]; ; tries++) {
      try {
        await this.#ask(bag, parcel);
        return true;
      } catch (error) {
        if (!this.#has(bag)) return false;
        const code = isTroupeError(error) ? error.code : 'HANDLER_FAILED';
        const hopeless = HOPELESS.has(code);
        if (!PATIENT.has(code)) failures++;
        const line = { from: agentAddressKey(bag.address), to: agentAddressKey(to), what: parcel.what, code };
        if (hopeless || failures >= FAILURES_MAX) {
          logger.error('durable message given up', { ...line, failures, error: errorMessage(error) });
          return false;
        }
        const pauseMs = backoffMs(BACKOFF, tries, random);
        logger.warn('durable message is tried again', { ...line, pauseMs: Math.round(pauseMs) });
        await new Promise<void>((resolve) => void clock.schedule(pauseMs, resolve));
        if (!this.#has(bag)) return false;
      }
    }
  }

  /** Each ask begins before the one that it renews is taken back: so a turn that runs for long always has who waits for it. */
  #ask(bag: Bag, { to, method, input, requestId, traceparent }: Parcel): Promise<unknown> {
    const { host, clock } = this.#parts;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    let taken = new AbortController();
    const ask = (): void => {
      const before = taken;
      taken = new AbortController();
      const { signal } = taken;
      const options = { requestId, traceparent, timeoutMs: TRY_MS_MAX, signal };
      host.ask(to, method, input, options).then(resolve, (error) => signal.aborted || reject(error));
      before.abort();
    };
    ask();
    const renewing = clock.repeat(RENEW_MS, () => this.#has(bag) && ask());
    return promise.finally(() => renewing.cancel());
  }

  #has(bag: Bag): boolean {
    return this.#find(bag.fence, bag.address) === bag;
  }

  #forget(bag: Bag): void {
    bag.telling?.cancel();
    const shard = shardKey(bag.fence);
    const bags = this.#shards.get(shard);
    bags?.delete(bag.address.key);
    if (bags?.size === 0) this.#shards.delete(shard);
    this.#bags--;
  }

  #tidy(bag: Bag): void {
    if (bag.queues.size === 0 && bag.ended.size === 0 && this.#has(bag)) this.#forget(bag);
  }
}
