import {
  type Coordinator,
  type HeldRecord,
  type HeldRef,
  LEDGER_LIMITS,
  type Ruling as LedgerRuling,
} from '../coordinator/index.ts';
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
/** A settled turn that hasn't come to its end is taken up again after so long, then twice as long each time, and at most, ms. */
const RELOOK_MS = 5_000;
const RELOOK_MS_MAX = 60_000;
/** A settled turn that is cut short (by a time-out of its own, say) so many times at one home waits for a person again. */
const CUT_SHORT_MAX = 5;
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
  /** Why, when it isn't the step's unknown outcome. */
  readonly reason?: string;
}

/** What is kept of a held message. */
export type HeldMessage = Pick<Envelope, 'method' | 'payload' | 'budget' | 'traceparent'>;

/** The held turns of one shard's agents, as its owner has them in the ledger. What goes wrong there is a JournalFailure. */
export class HeldTurns {
  readonly #coordinator: Coordinator;
  readonly #fence: Fence;
  /** How often each settled turn was cut short, by agent and hold. */
  readonly #cuts: Map<string, number> = new Map();

  constructor(coordinator: Coordinator, fence: Fence) {
    this.#coordinator = coordinator;
    this.#fence = fence;
  }

  /** Holds a turn, under the shard's epoch. @returns what is recorded, under whichever step */
  place(key: string, { message, after, ...names }: HoldRequest): Promise<HeldRecord> {
    this.#cuts.delete(`${key} ${after}`);
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

  /** The turn that was settled as `after` was cut short. @returns what is recorded when that was too often, and it is held again */
  async cutShort(key: string, request: HoldRequest, { message }: TroupeError): Promise<HeldRecord | undefined> {
    const settled = `${key} ${request.after}`;
    const cuts = (this.#cuts.get(settled) ?? 0) + 1;
    this.#cuts.set(settled, cuts);
    if (cuts < CUT_SHORT_MAX) return undefined;
    const reason = `went on and was cut short ${cuts} times, the last time by: ${message}`;
    return this.place(key, { ...request, reason: reason.slice(0, LEDGER_LIMITS.reasonCharsMax) });
  }

  /** Its turn is over. When that doesn't get through, the turn is found again, and over again. */
  release(key: string, hold: number): Promise<void> {
    this.#cuts.delete(`${key} ${hold}`);
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

/** When a settled turn is taken up again, and how long that is after the last time. */
interface Due {
  readonly atMs: number;
  readonly pauseMs: number;
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
  /** Settled turns at home here, by agent and hold. */
  readonly #due: Map<string, Due> = new Map();
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
      if (delivery.type === 'view') return this.#soon();
      const ruled = delivery.events.some((event) => event.type === 'held' && event.held.ruling !== undefined);
      if (ruled) this.#soon();
    });
  }

  /** Shards have come: their settled turns are taken up at once, whatever was tried before. */
  arrived(): void {
    this.#due.clear();
    this.#soon();
  }

  #soon(): void {
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
    while (this.#again && !this.#closed) {
      this.#again = false;
      const next = await this.#round().catch(() => this.#clock.monotonic() + RELOOK_MS);
      if (this.#again || next === undefined || this.#closed) continue;
      this.#timer?.cancel();
      this.#timer = this.#clock.schedule(next - this.#clock.monotonic(), () => void this.#look());
    }
    this.#looking = false;
  }

  /** @returns when a settled turn at home here is to be taken up again; undefined when there is none */
  async #round(): Promise<number | undefined> {
    const seen = new Set<string>();
    for (let after: HeldRef | undefined; ; ) {
      const page = { ruled: true, limit: PAGE, ...(after && { after }) };
      const { held } = await this.#coordinator.query('held.list', page);
      for (const each of held) {
        const name = `${agentAddressKey({ kind: each.group, key: each.key })} ${each.hold}`;
        seen.add(name);
        this.#takeUp(name, each);
      }
      const last = held.at(-1);
      if (last === undefined) break;
      after = { group: last.group, key: last.key, hold: last.hold };
    }
    let next: number | undefined;
    for (const [name, { atMs }] of this.#due) {
      if (!seen.has(name)) this.#due.delete(name);
      else next = Math.min(next ?? atMs, atMs);
    }
    return next;
  }

  /** Goes on with a turn that is due and at home here. */
  #takeUp(name: string, held: HeldRecord): void {
    const now = this.#clock.monotonic();
    const known = this.#due.get(name);
    if (known !== undefined && now < known.atMs) return;
    this.#due.delete(name);
    if (!this.#resume(held, resumption(held))) return;
    const pauseMs = known === undefined ? RELOOK_MS : Math.min(known.pauseMs * 2, RELOOK_MS_MAX);
    this.#due.set(name, { atMs: now + pauseMs, pauseMs });
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
