import { type AgentAddress, agentAddressKey, type Clock, type Fence, type Logger, type Random } from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import { dueAt, type Entry, type Fired, fired } from './agenda.ts';
import { Courier, type Parcel } from './courier.ts';
import type { Delivery } from './delivery.ts';
import type { Host } from './host.ts';
import { DUE_METHOD, type RuntimeMail, SETTLED_METHOD, TAKE_METHOD, WAKE_METHOD } from './mail.ts';
import type { Outgoing } from './outbox.ts';
import type { Pending, Settled } from './pending.ts';
import type { Resident } from './resident.ts';
import { Wakes } from './wakes.ts';

/** An agent whose mail the courier has no room for is looked at again after so long, ms. */
const NO_ROOM_MS = 5_000;
const OUT = 'out/';

/** What is made of posts. */
export interface PostParts {
  readonly host: Pick<Host, 'ask' | 'freshId'>;
  readonly store: Pick<JournalStore, 'journals'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Gives an agent of this node a message of the runtime's own. */
  readonly deliver: (fence: Fence, key: string, method: string) => void;
}

/** Takes messages that needn't wait for the end of the turn that runs. */
export interface Aside {
  aside(delivery: Delivery): Promise<void>;
}

/** What goes on by itself for the agents of a node: their messages and timers, from their journals to whoever gets them. */
export class Post {
  readonly #clock: Clock;
  readonly #courier: Courier;
  readonly #wakes: Wakes;
  /** Agents whose turn runs. */
  readonly asides: Map<Resident, Aside> = new Map();
  /** Makes a name that nothing had before. */
  readonly freshId: () => string;

  constructor({ host, store, clock, random, logger, deliver }: PostParts) {
    this.#clock = clock;
    this.freshId = () => host.freshId();
    const tell = (fence: Fence, { key }: AgentAddress): void => deliver(fence, key, SETTLED_METHOD);
    this.#courier = new Courier({ host, clock, random, logger, tell });
    this.#wakes = new Wakes({ store, clock, logger, wake: (fence, key) => deliver(fence, key, WAKE_METHOD) });
  }

  get nowMs(): number {
    return this.#clock.now();
  }

  /** A shard is ours under this epoch: what its agents have to do is found. */
  adopt(fence: Fence): void {
    this.#wakes.adopt(fence);
  }

  /** A shard is ours no longer, under this epoch. News of several epochs may come together, the last of which may be ours. */
  drop(fence: Fence): void {
    this.#wakes.drop(fence);
    this.#courier.drop(fence);
  }

  close(): void {
    this.#wakes.close();
    this.#courier.close();
  }

  /** Sees to it that what an agent's journal has to do gets done. May be said as often as one likes. */
  tend(fence: Fence, address: AgentAddress, pending: Pending): void {
    const { outbox, agenda } = pending;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    const parcels: Parcel[] = [];
    for (const message of outbox.waiting) parcels.push(parcelOf(message, address, outbox.life));
    for (const entry of agenda.entries) {
      const at = dueAt(entry);
      if (at <= now) parcels.push(reminderOf(entry, address));
      else next = Math.min(next, at);
    }
    if (!this.#courier.carry(fence, address, parcels)) next = Math.min(next, now + NO_ROOM_MS);
    if (next < Number.POSITIVE_INFINITY) this.#wakes.note(fence, next);
  }

  /** A message was accepted: it is handled next. */
  accepted(fence: Fence, address: AgentAddress, entry: Entry): void {
    if (!this.#courier.carry(fence, address, [reminderOf(entry, address)])) {
      this.#wakes.note(fence, this.#clock.now() + NO_ROOM_MS);
    }
  }

  /** What has ended of an agent's mail, and its journal doesn't know. Undefined when there is nothing. */
  ended(fence: Fence, address: AgentAddress, { outbox, agenda }: Pending): Settled | undefined {
    const ended = this.#courier.ended(fence, address);
    if (ended === undefined || ended.size === 0) return undefined;
    const arrived: number[] = [];
    const given: Fired[] = [];
    for (const id of ended) {
      if (id.startsWith(OUT)) {
        const seq = Number(id.slice(OUT.length));
        if (outbox.has(seq)) arrived.push(seq);
        continue;
      }
      const entry = [...agenda.entries].find((each) => reminderId(each) === id);
      if (entry !== undefined) given.push(fired(entry, this.#clock.now()));
    }
    return { arrived, given, parcels: [...ended] };
  }

  /** The journal knows of what has ended. */
  told(fence: Fence, address: AgentAddress, { parcels }: Settled): void {
    this.#courier.told(fence, address, parcels);
  }
}

function parcelOf({ seq, to, method, payload, traceparent }: Outgoing, from: AgentAddress, life: string): Parcel {
  return {
    id: `${OUT}${seq}`,
    queue: agentAddressKey(to),
    to,
    method: TAKE_METHOD,
    input: { from: life, seq, method, payload } satisfies RuntimeMail[typeof TAKE_METHOD],
    requestId: `send/${life}/${seq}`,
    traceparent,
    noted: false,
    what: `${method} from ${agentAddressKey(from)}`,
  };
}

/** Timers don't wait for each other; messages that were accepted come one after the other. */
function reminderOf(entry: Entry, address: AgentAddress): Parcel {
  const { n, at, method, name, traceparent } = entry;
  return {
    id: reminderId(entry),
    queue: name === undefined ? 'accepted' : `timer ${n}`,
    to: address,
    method: DUE_METHOD,
    input: { n, at } satisfies RuntimeMail[typeof DUE_METHOD],
    requestId: `due/${agentAddressKey(address)}/${n}@${at}`,
    traceparent,
    noted: true,
    what: name === undefined ? method : `${method} of timer ${name}`,
  };
}

function reminderId({ n, at }: Entry): string {
  return `due/${n}@${at}`;
}
