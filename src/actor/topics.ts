import { TroupeError } from '../core/index.ts';
import { type ActorCell, asCell } from './actor-cell.ts';
import type { Ref } from './ref.ts';

/** Topics that may have subscribers at once, in one set of topics. */
export const TOPICS_MAX = 100_000;

/** Subscribers that one topic may have. */
export const SUBSCRIBERS_MAX = 100_000;

/**
 * Local publish and subscribe, typed by topic. Publishing is telling each subscriber, in order of subscription and in the
 * publisher's turn: order is kept per publisher and subscriber, and a subscriber that is full loses by its own policy alone.
 * A dead subscriber is forgotten when the next message comes for its topic.
 *
 * @example
 * const topics = new Topics<{ prices: Price; news: string }>();
 * topics.subscribe('news', reader);
 * topics.publish('news', 'all is well');
 */
export class Topics<E extends object> {
  readonly #subscribers = new Map<keyof E, Set<ActorCell<never>>>();

  /**
   * Lets an actor have what is published from now on; twice is once.
   * @throws TroupeError OVERLOADED past `TOPICS_MAX` or `SUBSCRIBERS_MAX`, INVALID_ARGUMENT when it is no local actor
   */
  subscribe<T extends keyof E>(topic: T, ref: Ref<E[T]>): void {
    const cell = asCell<never>(ref);
    const subscribers = this.#subscribers.get(topic) ?? this.#open(ref.path);
    if (subscribers.has(cell)) return;
    if (subscribers.size >= SUBSCRIBERS_MAX) this.#living(topic);
    if (subscribers.size >= SUBSCRIBERS_MAX) throw overloaded(`more than ${SUBSCRIBERS_MAX} subscribers`, ref.path);
    subscribers.add(cell);
    this.#subscribers.set(topic, subscribers);
  }

  /** @returns false when it wasn't subscribed */
  unsubscribe<T extends keyof E>(topic: T, ref: Ref<E[T]>): boolean {
    const subscribers = this.#subscribers.get(topic);
    const was = subscribers?.delete(asCell<never>(ref)) ?? false;
    if (subscribers?.size === 0) this.#subscribers.delete(topic);
    return was;
  }

  /** Tells all subscribers, the same object to each. @returns how many took it */
  publish<T extends keyof E>(topic: T, message: E[T]): number {
    let taken = 0;
    for (const cell of this.#living(topic)) if (cell.tell(message as never)) taken++;
    return taken;
  }

  /** Living subscribers of a topic. */
  count(topic: keyof E): number {
    return [...this.#living(topic)].length;
  }

  #open(path: string): Set<ActorCell<never>> {
    if (this.#subscribers.size >= TOPICS_MAX) for (const other of [...this.#subscribers.keys()]) this.#living(other);
    if (this.#subscribers.size >= TOPICS_MAX) throw overloaded(`more than ${TOPICS_MAX} topics`, path);
    return new Set();
  }

  /** Forgets the dead. */
  #living(topic: keyof E): Iterable<ActorCell<never>> {
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) return [];
    for (const cell of subscribers) if (cell.closed && !cell.forwards) subscribers.delete(cell);
    if (subscribers.size === 0) this.#subscribers.delete(topic);
    return subscribers;
  }
}

function overloaded(message: string, address: string): TroupeError {
  return new TroupeError('OVERLOADED', message, { address });
}
