import { errorMessage, type Logger } from '../../core/index.ts';
import type { WatchDelivery } from '../port.ts';
import { ViewCache } from './view-cache.ts';

interface Listener {
  readonly hear: (delivery: WatchDelivery) => void;
  /** It has had its first view. */
  begun: boolean;
}

/**
 * Spreads one watch over many listeners. Whoever comes late begins with the view as of now; and when the watch breaks and goes on
 * at a voter that is behind, listeners hear nothing until it has caught up, so that nobody is ever taken back in time.
 */
export class WatchHub {
  readonly #logger: Logger;
  readonly #listeners: Set<Listener> = new Set();
  readonly #cache: ViewCache = new ViewCache();
  /** Listeners know everything up to here. */
  #told = -1;
  /** The cache holds a view that may be handed out. */
  #ready = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener; its first view comes in a later microtask. @returns what removes it */
  add(hear: (delivery: WatchDelivery) => void): () => void {
    const listener: Listener = { hear, begun: false };
    this.#listeners.add(listener);
    queueMicrotask(() => {
      if (this.#ready) this.#begin(listener);
    });
    return () => this.#listeners.delete(listener);
  }

  /** A delivery has come from the watch. */
  deliver(delivery: WatchDelivery): void {
    if (delivery.type === 'view') {
      this.#cache.replace(delivery.view);
      this.#ready = delivery.view.index >= this.#told;
      if (this.#ready) this.#tellAll(delivery);
      return;
    }
    this.#cache.apply(delivery.index, delivery.events);
    if (this.#ready) this.#tellAll(delivery);
    else if (delivery.index >= this.#told) {
      this.#ready = true;
      this.#tellAll({ type: 'view', view: this.#cache.view });
    }
  }

  #tellAll(delivery: WatchDelivery): void {
    this.#told = this.#cache.index;
    for (const listener of this.#listeners) {
      // One that hasn't begun gets the whole view instead.
      if (delivery.type === 'events' && !listener.begun) continue;
      listener.begun = true;
      this.#tell(listener, delivery);
    }
  }

  #begin(listener: Listener): void {
    if (listener.begun || !this.#listeners.has(listener)) return;
    listener.begun = true;
    this.#tell(listener, { type: 'view', view: this.#cache.view });
  }

  /** A listener that fails must not take the watch from the others. */
  #tell(listener: Listener, delivery: WatchDelivery): void {
    try {
      listener.hear(delivery);
    } catch (error) {
      this.#logger.error('a listener of the ledger failed', { error: errorMessage(error) });
    }
  }
}
