import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import type { StepReceipt } from './folded.ts';

/** So long may a turn that runs again do something beside steps and asks before it comes to its next recorded step, ms. */
const QUIET_MS = 1_000;

interface Waiting {
  go(): void;
  stop(error: TroupeError): void;
}

/**
 * Brings a turn that runs again to where its journal ends. What steps gave is handed out in the order in which it was recorded, one
 * step at a time, so that branches side by side go on in the order that they took before, and steps that share a name get the same
 * numbers. Whatever must run waits until every recorded step was asked for. When that doesn't come about, the handler isn't the one
 * that recorded them. (Workflow engines replay a history of events in the same way.)
 */
export class Replay {
  readonly #clock: Clock;
  readonly #quietMs: number;
  /** Recorded steps that the run hasn't asked for. */
  readonly #unasked: Set<string>;
  /** Settled steps that haven't been handed out, in the order of the record. */
  readonly #settled: string[];
  /** Steps asked for that wait, in the order of asking. */
  readonly #waiting: Map<string, Waiting> = new Map();
  #handing = false;
  #outside = 0;
  #timer: Timer | undefined;
  #mismatch: TroupeError | undefined;

  /** @param recorded in the order in which they settled; @param leftMs of the turn's deadline: a mismatch is told before that */
  constructor(clock: Clock, recorded: ReadonlyMap<string, StepReceipt>, leftMs: number) {
    this.#clock = clock;
    this.#quietMs = Math.min(QUIET_MS, leftMs / 2);
    this.#unasked = new Set(recorded.keys());
    this.#settled = [...recorded].filter(([, { done, failed }]) => done ?? failed).map(([name]) => name);
  }

  /** Whether the run has come to where the record ends. */
  get over(): boolean {
    return this.#unasked.size === 0 && this.#settled.length === 0 && this.#mismatch === undefined;
  }

  /**
   * Waits for a step's turn.
   *
   * @param handedOut whether its record is all that it will give; else it runs, when the replay is over
   * @throws TroupeError STEP_MISMATCH
   */
  reach(name: string, handedOut: boolean): Promise<void> {
    if (this.#mismatch !== undefined) return Promise.reject(this.#mismatch);
    this.#unasked.delete(name);
    const at = handedOut ? -1 : this.#settled.indexOf(name);
    if (at >= 0) this.#settled.splice(at, 1);
    return new Promise((go, stop) => {
      this.#waiting.set(name, { go, stop });
      void this.#go();
    });
  }

  /** Waits for something that isn't a step: no quiet meanwhile. */
  async beside<T>(work: Promise<T>): Promise<T> {
    this.#outside++;
    this.#watch();
    try {
      return await work;
    } finally {
      this.#outside--;
      this.#watch();
    }
  }

  /** The handler has settled. @returns the mismatch, if steps are recorded that it never asked for */
  end(): TroupeError | undefined {
    this.#timer?.cancel();
    if (this.over) return undefined;
    this.#differ();
    return this.#mismatch;
  }

  async #go(): Promise<void> {
    this.#watch();
    if (this.#handing) return;
    this.#handing = true;
    for (let next = this.#settled[0]; next !== undefined; next = this.#settled[0]) {
      if (!this.#waiting.has(next)) break;
      this.#settled.shift();
      this.#let(next);
      // Whoever waits for it goes on, as far as its next step perhaps.
      await new Promise<void>((resolve) => this.#clock.yieldThen(resolve));
    }
    this.#handing = false;
    if (this.over) for (const name of [...this.#waiting.keys()]) this.#let(name);
    this.#watch();
  }

  #let(name: string): void {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    waiting?.go();
  }

  /** While somebody waits, and nothing is known that could bring the next recorded step, time runs out. */
  #watch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.size === 0 || this.#outside > 0 || this.over) return;
    this.#timer = this.#clock.schedule(this.#quietMs, () => this.#differ());
  }

  #differ(): void {
    const recorded = [...this.#unasked, ...this.#settled][0];
    const asked = [...this.#waiting.keys()][0];
    this.#mismatch ??= new TroupeError(
      'STEP_MISMATCH',
      `this turn has recorded step "${recorded}", and now its handler ${asked === undefined ? 'ends without it' : `asks for "${asked}" instead`}: it has been changed, or isn't deterministic`,
      { data: { ...(recorded === undefined ? {} : { recorded }), ...(asked === undefined ? {} : { asked }) } },
    );
    for (const { stop } of this.#waiting.values()) stop(this.#mismatch);
    this.#waiting.clear();
  }
}
