import type { Timer } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { Exit } from './supervisor.ts';

/** Children of whatever message type. */
export type AnyCell = ActorCell<unknown>;

/** A restart of several siblings under way. */
export interface GroupRestart {
  timer?: Timer;
}

/** An exit that its supervisor couldn't decide about yet. It no longer holds when the child has another incarnation. */
export interface PostponedExit {
  readonly child: AnyCell;
  readonly exit: Exit;
  readonly incarnation: object | undefined;
}

/**
 * The children of one incarnation in order of start, and what their supervisor remembers. The order is a list through
 * the cells themselves: adding, removing and finding the last one cost the same for one child as for a million.
 */
export class Children {
  first: AnyCell | undefined;
  last: AnyCell | undefined;
  size = 0;
  /** Times of restarts under the supervisor's own limit, ms, oldest first. */
  failures: readonly number[] = [];
  group: GroupRestart | undefined;
  /** Exits that wait until the supervisor can decide again. */
  readonly postponed: PostponedExit[] = [];
  /** Set while the supervisor stops its children: called after each that is gone. */
  onGone: (() => void) | undefined;
  #named: Map<string, AnyCell> | undefined;

  has(name: string): boolean {
    return this.#named?.has(name) ?? false;
  }

  get(name: string): AnyCell | undefined {
    return this.#named?.get(name);
  }

  add(child: AnyCell): void {
    child.elder = this.last;
    if (this.last === undefined) this.first = child;
    else this.last.younger = child;
    this.last = child;
    this.size++;
    if (child.name === undefined) return;
    this.#named ??= new Map();
    this.#named.set(child.name, child);
  }

  remove(child: AnyCell): void {
    if (child.elder === undefined) this.first = child.younger;
    else child.elder.younger = child.younger;
    if (child.younger === undefined) this.last = child.elder;
    else child.younger.elder = child.elder;
    child.elder = undefined;
    child.younger = undefined;
    this.size--;
    if (child.name !== undefined) this.#named?.delete(child.name);
    this.onGone?.();
  }

  /** In order of start. */
  *[Symbol.iterator](): Generator<AnyCell> {
    for (let child = this.first; child !== undefined; ) {
      const next: AnyCell | undefined = child.younger;
      yield child;
      child = next;
    }
  }
}
