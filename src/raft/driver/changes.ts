import { TroupeError } from '../../core/index.ts';
import type { Configuration, Entry, Proposed } from '../consensus/index.ts';
import { dropped } from './proposals.ts';

interface Waiter {
  readonly resolve: (configuration: Configuration) => void;
  readonly reject: (error: unknown) => void;
}

interface Change extends Waiter {
  readonly term: number;
  readonly index: number;
  ticks: number;
  /** Its entry was applied; what remains is to leave the joint configuration that it may have entered. */
  entered: boolean;
}

/**
 * Changes of the members that are waited for. One is complete when its entry was applied here and the configuration isn't
 * joint, whoever led meanwhile. Consensus takes one at a time, so there are more than one only after a leader was lost.
 */
export class Changes {
  readonly #ticksMax: number;
  #waiting: Change[] = [];

  /** @param ticksMax ticks after which a change is no longer waited for; it may complete later */
  constructor(ticksMax: number) {
    this.#ticksMax = ticksMax;
  }

  /** Waits for the change that was proposed there. */
  add(proposed: Proposed, waiter: Waiter): void {
    this.#waiting.push({ ...waiter, term: proposed.term, index: proposed.lastIndex, ticks: 0, entered: false });
  }

  /** Entries were applied, after which `configuration` holds. */
  applied(entries: readonly Entry[], configuration: Configuration): void {
    if (this.#waiting.length === 0) return;
    const first = (entries[0] as Entry).index;
    this.#settle((change) => {
      const entry = entries[change.index - first];
      if (entry !== undefined && entry.term !== change.term) return dropped();
      if (entry !== undefined) change.entered = true;
      return change.entered && configuration.votersOutgoing === undefined ? configuration : undefined;
    });
  }

  /** Entries up to `index` came with a snapshot: what became of these changes can't be told any more. */
  dropThrough(index: number): void {
    this.#settle((change) => (change.index <= index ? dropped() : undefined));
  }

  /** Time passes. */
  tick(): void {
    this.#settle((change) => {
      if (++change.ticks < this.#ticksMax) return undefined;
      return new TroupeError('TIMEOUT', 'the change of the members is not complete; it may still become so');
    });
  }

  /** Fails all that wait. */
  dropAll(error: TroupeError): void {
    this.#settle(() => error);
  }

  #settle(outcome: (change: Change) => Configuration | TroupeError | undefined): void {
    this.#waiting = this.#waiting.filter((change) => {
      const settled = outcome(change);
      if (settled instanceof TroupeError) change.reject(settled);
      else if (settled !== undefined) change.resolve(settled);
      return settled === undefined;
    });
  }
}
