import type { Resident } from './resident.ts';

/** Agents of one kind that have nothing to do, in the order in which they came to it. Both ways in and out cost the same for any number. */
export class IdleList {
  /** After this long they leave memory, ms. */
  readonly idleMs: number;
  #oldest: Resident | undefined;
  #newest: Resident | undefined;

  constructor(idleMs: number) {
    this.idleMs = idleMs;
  }

  /** The one that has had nothing to do for longest. */
  get oldest(): Resident | undefined {
    return this.#oldest;
  }

  /** An agent has nothing to do from now on. It isn't in the list. */
  add(resident: Resident): void {
    resident.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = resident;
    else this.#newest.newer = resident;
    this.#newest = resident;
  }

  /** It has, or is gone. One that isn't in the list is left alone. */
  remove(resident: Resident): void {
    const { older, newer } = resident;
    if (older === undefined && this.#oldest !== resident) return;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    resident.older = undefined;
    resident.newer = undefined;
  }
}
