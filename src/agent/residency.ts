import { TroupeError } from '../core/index.ts';
import { Backlog } from './backlog.ts';
import { IdleList } from './idle-list.ts';
import type { Resident } from './resident.ts';

/** What a node keeps in memory. */
export interface ResidencyLimits {
  /** Agents. */
  readonly residentsMax: number;
  /**
   * State of durable agents with what their journals remember, as encoded, bytes. It is taken from the journal's own reads and writes, so
   * counting costs nothing; as objects it may take several times that. State that is in no journal isn't counted.
   */
  readonly residentBytesMax: number;
  /** What messages carry that wait or run, bytes. */
  readonly waitingBytesMax: number;
}

/** Limits of a node that names none. */
export const RESIDENCY_LIMITS: ResidencyLimits = {
  residentsMax: 1_000_000,
  residentBytesMax: 512 * 1024 * 1024,
  waitingBytesMax: 512 * 1024 * 1024,
};

/**
 * The agents in memory, and who leaves it: those that have had nothing to do for their kind's time, and at a limit the ones that have had
 * nothing to do for longest, of all kinds. An agent with work never leaves.
 */
export class Residency {
  /** What waits for them, and what they do. */
  readonly backlog: Backlog = new Backlog();
  readonly #limits: ResidencyLimits;
  readonly #leave: (resident: Resident) => void;
  readonly #lists: IdleList[] = [];
  /** Agents that crashed too often. */
  readonly #resting: Set<Resident> = new Set();
  #residents = 0;
  #bytes = 0;

  /** @param leave takes an agent out of memory; it calls `remove` */
  constructor(limits: Partial<ResidencyLimits>, leave: (resident: Resident) => void) {
    this.#limits = { ...RESIDENCY_LIMITS, ...limits };
    this.#leave = leave;
  }

  /** Agents in memory. */
  get residents(): number {
    return this.#residents;
  }

  /** Their state, as encoded. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The idle agents of one more kind. */
  list(idleMs: number): IdleList {
    const list = new IdleList(idleMs);
    this.#lists.push(list);
    return list;
  }

  /** Makes room for one more agent. @returns why there is none */
  admit(): TroupeError | undefined {
    const { residentsMax, residentBytesMax } = this.#limits;
    this.#makeRoom(1);
    if (this.#residents >= residentsMax) {
      return new TroupeError('OVERLOADED', `${residentsMax} agents are resident on this node, and none is idle`);
    }
    if (this.#bytes <= residentBytesMax) return undefined;
    return new TroupeError('OVERLOADED', `agents with over ${residentBytesMax} bytes of state are busy on this node`);
  }

  /** @param bytes of one more message @returns why there is no room for it; one alone has room, and so has one that carries nothing */
  crowded(bytes: number): TroupeError | undefined {
    const waiting = this.backlog.bytes;
    if (bytes === 0 || waiting === 0 || waiting + bytes <= this.#limits.waitingBytesMax) return undefined;
    return new TroupeError('OVERLOADED', `messages of ${waiting} bytes wait for agents of this node`);
  }

  add(resident: Resident): void {
    this.#residents++;
    this.#bytes += resident.bytes;
  }

  /** It is in memory no longer. */
  remove(resident: Resident): void {
    if (resident.gone) return;
    this.backlog.drop(resident);
    resident.gone = true;
    this.#residents--;
    this.#bytes -= resident.bytes;
    resident.tenancy.idle.remove(resident);
    this.#resting.delete(resident);
  }

  /** What an agent's state takes now; at the limit others leave for it. */
  weigh(resident: Resident, bytes: number): void {
    if (resident.gone || bytes === resident.bytes) return;
    this.#bytes += bytes - resident.bytes;
    resident.bytes = bytes;
    this.#makeRoom(0);
  }

  /** It crashed too often: it stays, and is refused its messages, until that monotonic time, ms. */
  rest(resident: Resident, untilMs: number): void {
    resident.restsUntil = untilMs;
    resident.tenancy.idle.remove(resident);
    this.#resting.add(resident);
  }

  /** Lets those go whose time has come. @param now monotonic, ms */
  sweep(now: number): void {
    for (const list of this.#lists) {
      for (let { oldest } = list; oldest !== undefined && oldest.sinceMs + list.idleMs <= now; { oldest } = list) {
        this.#leave(oldest);
      }
    }
    for (const resident of this.#resting) if (resident.restsUntil <= now) this.#leave(resident);
  }

  #makeRoom(newcomers: number): void {
    const { residentsMax, residentBytesMax } = this.#limits;
    while (this.#residents + newcomers > residentsMax || this.#bytes > residentBytesMax) {
      const oldest = this.#oldest();
      if (oldest === undefined) return;
      this.#leave(oldest);
    }
  }

  #oldest(): Resident | undefined {
    let found: Resident | undefined;
    for (const { oldest } of this.#lists) {
      if (oldest !== undefined && (found === undefined || oldest.sinceMs < found.sinceMs)) found = oldest;
    }
    return found;
  }
}
