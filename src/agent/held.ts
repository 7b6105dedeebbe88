import type { Coordinator, HeldRecord, HeldRef, Ruling as LedgerRuling } from '../coordinator/index.ts';
import { type AgentAddress, agentAddressKey, type Clock, type Fence, type Timer, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import { JournalFailure } from './journal.ts';

/** Name of the message by which an owner goes on with a turn that was held. */
export const RESUME_METHOD = '$resume';

/** Turns of one agent that wait for a person at a time; a further one fails and isn't held. */
export const HELD_PER_AGENT_MAX = 16;
/** Shards that come together are looked through together, after so long, ms. */
const GATHER_MS = 20;
/** While settled turns haven't come to their end, they are looked for again after so long, ms. */
const RELOOK_MS = 5_000;
/** Held turns read at a time. */
const PAGE = 100;

/** How a person settled a held step: it was done and gave `value`, it is to run again, or it failed. */
export type Ruling =
  | { readonly type: 'done'; readonly value: unknown }
  | { readonly type: 'retry' }
  | { readonly type: 'fail'; readonly reason: string };

/** A turn to hold, and where. */
export interface HoldRequest {
  readonly request: string;
  readonly step: string;
  readonly idempotencyKey: string;
  /** The message that the turn answers. */
  readonly message: HeldMessage;
  /** The hold whose ruling was followed and led here again. */
  readonly after: number | undefined;
}

/** What is kept of a held message. */
export type HeldMessage = Pick<Envelope, 'method' | 'payload' | 'budget' | 'traceparent'>;

/** The held turns of one shard's agents, as its owner has them in the ledger. What goes wrong there is a JournalFailure. */
export class HeldTurns {
  readonly #coordinator: Coordinator;
  readonly #fence: Fence;

  constructor(coordinator: Coordinator, fence: Fence) {
    this.#coordinator = coordinator;
    this.#fence = fence;
  }

  /** Holds a turn, under the shard's epoch. @returns what is recorded, under whichever step */
  place(key: string, { message, after, ...names }: HoldRequest): Promise<HeldRecord> {
    const { method, payload, budget, traceparent } = message;
    const kept = encodePayload({ method, payload, budget, traceparent } satisfies HeldMessage);
    const request = { fence: this.#fence, key, ...names, message: kept, ...(after === undefined ? {} : { after }) };
    return durably(this.#coordinator.execute('held.place', request));
  }

  /** How a held step was settled, if it was. */
  async ruling(key: string, hold: number): Promise<Ruling | undefined> {
    return read((await this.#get(key, hold)).ruling);
  }

  /** The message of a held turn; undefined when the turn is over. */
  async message(key: string, hold: number): Promise<HeldMessage | undefined> {
    const { over, message } = await this.#get(key, hold);
    return over ? undefined : (decodePayload(message) as HeldMessage);
  }

  /** Its turn is over. When that doesn't get through, the turn is found again, and over again. */
  release(key: string, hold: number): Promise<void> {
    const released = this.#coordinator.execute('held.release', { fence: this.#fence, key, hold });
    return released.then(
      () => undefined,
      () => undefined,
    );
  }

  #get(key: string, hold: number) {
    return durably(this.#coordinator.query('held.get', { group: this.#fence.group, key, hold }));
  }
}

function durably<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw new JournalFailure(error);
  });
}

function read(ruling: LedgerRuling | undefined): Ruling | undefined {
  return ruling?.type === 'done' ? { type: 'done', value: decodePayload(ruling.value) } : ruling;
}

/** What the asker of a held turn hears. @param hold undefined when there was no room to hold it */
export function heldError(address: AgentAddress, step: string, hold: number | undefined): TroupeError {
  const held =
    hold === undefined
      ? `${HELD_PER_AGENT_MAX} turns of the agent are held, so this one isn't`
      : `its turn is held as ${hold} until somebody settles it`;
  return new TroupeError('STEP_UNKNOWN', `step "${step}" began and its outcome is unknown; ${held}`, {
    address: `${agentAddressKey(address)} ${step}`,
    data: { step, ...(hold === undefined ? {} : { hold }) },
  });
}

/**
 * Brings turns that a person has settled back to their agents on this node. It goes by what the ledger has, not by what it heard: it
 * looks when a ruling comes, when shards come, after a gap in the news, and again until there is nothing left.
 */
export class HeldWatch {
  readonly #coordinator: Coordinator;
  readonly #clock: Clock;
  readonly #resume: (held: HeldRef, envelope: Envelope) => boolean;
  readonly #stop: () => void;
  #timer: Timer | undefined;
  #looking = false;
  #closed = false;
  #again = false;

  /** @param resume delivers the message if the agent is at home here, and says whether it is */
  constructor(coordinator: Coordinator, clock: Clock, resume: (held: HeldRef, envelope: Envelope) => boolean) {
    this.#coordinator = coordinator;
    this.#clock = clock;
    this.#resume = resume;
    this.#stop = coordinator.watch((delivery) => {
      if (delivery.type === 'view') return this.soon();
      const ruled = delivery.events.some((event) => event.type === 'held' && event.held.ruling !== undefined);
      if (ruled) this.soon();
    });
  }

  /** Shards have come, or anything else that calls for a look. */
  soon(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(GATHER_MS, () => void this.#look());
  }

  close(): void {
    this.#stop();
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    let left = false;
    while (this.#again && !this.#closed) {
      this.#again = false;
      left = await this.#round().catch(() => true);
    }
    this.#looking = false;
    if (left && !this.#closed) this.#timer = this.#clock.schedule(RELOOK_MS, () => void this.#look());
  }

  /** @returns whether any of the settled turns are at home here */
  async #round(): Promise<boolean> {
    let left = false;
    for (let after: HeldRef | undefined; ; ) {
      const page = { ruled: true, limit: PAGE, ...(after && { after }) };
      const { held } = await this.#coordinator.query('held.list', page);
      for (const each of held) left = this.#resume(each, resumption(each)) || left;
      const last = held.at(-1);
      if (last === undefined) return left;
      after = { group: last.group, key: last.key, hold: last.hold };
    }
  }
}

function resumption({ group, key, hold, request }: HeldRecord): Envelope {
  return {
    kind: 'tell',
    to: `agent:${agentAddressKey({ kind: group, key })}`,
    correlation: 0,
    method: RESUME_METHOD,
    payload: encodePayload({ hold }),
    requestId: request,
  };
}
