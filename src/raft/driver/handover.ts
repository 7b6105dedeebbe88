import { TroupeError } from '../../core/index.ts';
import type { Status } from '../consensus/index.ts';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A leadership on its way to another member. From its start until a leader is known again proposals are held back: refused
 * earlier, their callers could only guess whom to ask. The time limit of the transfer itself is consensus's.
 */
export class Handover {
  readonly #ticksMax: number;
  #waiting: Waiter[] = [];
  #ticks = 0;

  /** @param ticksMax ticks after which proposals are held no longer, whoever leads */
  constructor(ticksMax: number) {
    this.#ticksMax = ticksMax;
  }

  /** Whether proposals are to wait. */
  get holds(): boolean {
    return this.#ticks > 0;
  }

  /** A transfer was begun, or joined. */
  begin(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#ticks = this.#ticksMax;
  }

  /** Role or leader changed. */
  changed({ role, leader }: Status): void {
    if (role !== 'leader') this.#settle((waiter) => waiter.resolve());
    // While some wait this member still leads, and hands over.
    if (leader !== undefined && this.#waiting.length === 0) this.#ticks = 0;
  }

  /** @param running whether this member still hands over */
  tick(running: boolean): void {
    if (this.#ticks > 0) this.#ticks--;
    // Had it lost the leadership, nobody would wait any more.
    if (!running && this.#waiting.length > 0) this.fail(new TroupeError('TIMEOUT', 'nobody took the leadership over'));
  }

  /** Fails all that wait. */
  fail(error: unknown): void {
    this.#ticks = 0;
    this.#settle((waiter) => waiter.reject(error));
  }

  #settle(settle: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiting.splice(0)) settle(waiter);
  }
}
