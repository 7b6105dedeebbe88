import { TroupeError } from '../../core/index.ts';
import { type ActorCell, asCell } from '../actor-cell.ts';
import type { Ref } from '../ref.ts';

/** Actors that one set of routees may have. */
export const ROUTEES_MAX = 10_000;

/**
 * The actors behind one or several routers. Actors come and go at any time; a dead one leaves when a router comes upon it.
 * The last one stays even when it is dead: what is sent to it then becomes a dead letter with its path.
 */
export class Routees<M> {
  #cells: readonly ActorCell<M>[] = [];

  /** @throws TroupeError INVALID_ARGUMENT when there is none, and as `add` does */
  constructor(refs: Iterable<Ref<M>>) {
    for (const ref of refs) this.add(ref);
    if (this.#cells.length === 0) throw new TroupeError('INVALID_ARGUMENT', 'a router needs at least one actor');
  }

  /** In order of joining. */
  get refs(): readonly Ref<M>[] {
    return this.#cells;
  }

  /** The same, as routers see them. */
  get cells(): readonly ActorCell<M>[] {
    return this.#cells;
  }

  /**
   * Adds an actor; one that is there already stays where it is.
   * @throws TroupeError INVALID_ARGUMENT when it isn't an actor of the same system, OVERLOADED past `ROUTEES_MAX`
   */
  add(ref: Ref<M>): void {
    const cell = asCell(ref);
    if (this.#cells.includes(cell)) return;
    if (this.#cells[0] !== undefined && this.#cells[0].kernel !== cell.kernel) {
      throw new TroupeError('INVALID_ARGUMENT', 'routees are of one system', { address: ref.path });
    }
    if (this.#cells.length >= ROUTEES_MAX) {
      throw new TroupeError('OVERLOADED', `more than ${ROUTEES_MAX} routees`, { address: ref.path });
    }
    this.#cells = [...this.#cells, cell];
  }

  /** Takes an actor out; what it has in its mailbox stays there. @returns false when it wasn't there, or is the last one */
  remove(ref: Ref<M>): boolean {
    const rest = this.#cells.filter((cell) => cell !== ref);
    if (rest.length === this.#cells.length || rest.length === 0) return false;
    this.#cells = rest;
    return true;
  }
}
