import { errorMessage } from '../core/index.ts';
import type { Terminated } from './behavior.ts';
import type { Kernel } from './kernel.ts';

/** Hears of the end of an actor: a function, or who is there anyway and needs none. */
export type Watcher = ((terminated: Terminated) => void) | { onEnd(terminated: Terminated): void };

/** Who wants to hear of an actor's end, and afterwards what there is to hear. Each watcher hears exactly once. */
export class DeathWatch {
  readonly #kernel: Kernel;
  /** Most actors have one watcher at most: it stands alone, the others are in a set. */
  #first: Watcher | undefined;
  #others: Set<Watcher> | undefined;
  #terminated: Terminated | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Whether anybody waits. */
  get watched(): boolean {
    return this.#first !== undefined || (this.#others !== undefined && this.#others.size > 0);
  }

  add(watcher: Watcher): void {
    if (this.#terminated !== undefined) {
      this.#tell(watcher, this.#terminated);
      return;
    }
    if (this.#first === undefined && this.#others === undefined) {
      this.#first = watcher;
      return;
    }
    this.#others ??= new Set();
    if (watcher !== this.#first) this.#others.add(watcher);
  }

  remove(watcher: Watcher): void {
    if (this.#first === watcher) this.#first = undefined;
    else this.#others?.delete(watcher);
  }

  /** The actor has ended. */
  announce(terminated: Terminated): void {
    this.#terminated = terminated;
    if (this.#first !== undefined) this.#tell(this.#first, terminated);
    for (const watcher of this.#others ?? []) this.#tell(watcher, terminated);
    this.#first = undefined;
    this.#others = undefined;
  }

  #tell(watcher: Watcher, terminated: Terminated): void {
    this.#kernel.dispatcher.signal(() => {
      try {
        if (typeof watcher === 'function') watcher(terminated);
        else watcher.onEnd(terminated);
      } catch (error) {
        this.#kernel.logger.error('watcher failed', { actor: terminated.ref.path, error: errorMessage(error) });
      }
    });
  }
}
