import type { Delivery } from './delivery.ts';
import type { Resident } from './resident.ts';

/**
 * The messages of all agents in memory that wait or run: how many there are, and how long the oldest has waited. Those that wait are
 * chained through themselves, so that each of them is added and taken out in constant time.
 */
export class Backlog {
  #open = 0;
  #bytes = 0;
  #oldest: Delivery | undefined;
  #newest: Delivery | undefined;

  /** Messages that wait or run. */
  get open(): number {
    return this.#open;
  }

  /** What they carry. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How long the oldest message that waits has done so, ms; 0 when none does. */
  waitMs(nowMs: number): number {
    // One that was asked again after it was taken back isn't found with its agent when that goes.
    while (this.#oldest?.resident.gone) this.began(this.#oldest);
    return this.#oldest === undefined ? 0 : nowMs - this.#oldest.waitsSince;
  }

  /** A message begins to wait. */
  add(delivery: Delivery, nowMs: number): void {
    this.#open++;
    this.#bytes += delivery.bytes;
    delivery.waitsSince = Math.trunc(nowMs);
    delivery.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = delivery;
    else this.#newest.behind = delivery;
    this.#newest = delivery;
  }

  /** It waits no longer: its turn begins, or it is done with. */
  began(delivery: Delivery): void {
    const { before, behind } = delivery;
    if (before === undefined && this.#oldest !== delivery) return;
    if (before === undefined) this.#oldest = behind;
    else before.behind = behind;
    if (behind === undefined) this.#newest = before;
    else behind.before = before;
    delivery.before = undefined;
    delivery.behind = undefined;
  }

  /** It is done with. */
  settled(delivery: Delivery): void {
    this.began(delivery);
    if (delivery.resident.gone) return;
    this.#open--;
    this.#bytes -= delivery.bytes;
  }

  /** An agent leaves memory, with all that it had; called before it is `gone`. */
  drop(resident: Resident): void {
    this.#open -= resident.open;
    this.#bytes -= resident.openBytes;
    for (const delivery of resident.requests()) this.began(delivery);
  }
}
