import { errorMessage } from '../core/index.ts';
import type { Terminated } from './behavior.ts';
import type { Kernel } from './kernel.ts';

/** Hears of the end of an actor. */
export type Watcher = (terminated: Terminated) => void;

/** Who wants to hear of an actor's end, and afterwards what there is to hear. Each watcher hears exactly once. */
export class DeathWatch {
  readonly #kernel: Kernel;
  #watchers: Set<Watcher> | undefined;
  #terminated: Terminated | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Whether anybody waits. */
  get watched(): boolean {
    return this.#watchers !== undefined && this.#watchers.size > 0;
  }

  add(watcher: Watcher): void {
    if (this.#terminated !== undefined) {
      this.#tell(watcher, this.#terminated);
      return;
    }
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
  }

  remove(watcher: Watcher): void {
    this.#watchers?.delete(watcher);
  }

  /** The actor has ended. */
  announce(terminated: Terminated): void {
    this.#terminated = terminated;
    for (const watcher of this.#watchers ?? []) this.#tell(watcher, terminated);
    this.#watchers = undefined;
  }

  #tell(watcher: Watcher, terminated: Terminated): void {
    this.#kernel.dispatcher.signal(() => {
      try {
        watcher(terminated);
      } catch (error) {
        this.#kernel.logger.error('watcher failed', { actor: terminated.ref.path, error: errorMessage(error) });
      }
    });
  }
}
