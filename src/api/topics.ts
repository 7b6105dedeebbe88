import { isTroupeError, TroupeError } from '../core/index.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';
import type { TopicNews } from './topic-handlers.ts';

/** Messages of a topic that a subscriber didn't get. */
export interface TopicGap {
  /** How many; undefined when nobody knows: another node had to be found, and the subscription begins anew there. */
  readonly missed: number | undefined;
}

/** How a client listens to a topic. */
export interface ListenOptions {
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
  /** Told of each gap, after the messages before it. */
  readonly onGap?: (gap: TopicGap) => void;
}

/** A subscription that holds. */
export interface TopicSubscription {
  /**
   * Resolves when the subscription was taken back, or its client closed, and the listener is done. Rejects when it broke: with what the listener threw, or NODE_UNAVAILABLE
   * when no node could be reached for too long.
   */
  readonly ended: Promise<void>;
  /** Takes it back. */
  close(): void;
}

/** A topic of the whole cluster, from outside: what is published on it anywhere comes, and goes, as JSON. */
export interface ClientTopic<M> {
  readonly name: string;
  /**
   * Tells all subscribers in the cluster and outside, at most once: nothing is kept for those who come later. Publishing one after the
   * other, each awaited, keeps their order as long as the client stays with one node.
   *
   * @returns false when the way to a node was full or broken: its subscribers miss the message
   * @throws TroupeError SCHEMA_MISMATCH when JSON has no form for it, INVALID_ARGUMENT for the name, NODE_UNAVAILABLE; after
   * TIMEOUT or a broken connection it may have been published
   */
  publish(message: M): Promise<boolean>;
  /**
   * Calls `listener` with what is published, one message after the other: when it returns a promise, the next one waits. Resolves when
   * a node has subscribed: what the cluster does because of a later call of this client is heard.
   *
   * @throws TroupeError OVERLOADED past `TOPIC_SUBSCRIPTIONS_MAX` of a node, INVALID_ARGUMENT for the name, NODE_UNAVAILABLE, CANCELLED
   */
  subscribe(listener: (message: M) => void | PromiseLike<void>, options?: ListenOptions): Promise<TopicSubscription>;
}

/** How a topic is reached. */
export interface TopicAccess {
  publish(topic: string, payload: Uint8Array): Promise<boolean>;
  /** Empty news whenever a node has subscribed, then what it hears; until the signal fires. */
  read(topic: string, signal: AbortSignal): AsyncIterable<Partial<TopicNews>>;
  /** Fires when the client is closed: its subscriptions end. */
  readonly closed: AbortSignal;
}

/** A topic that is reached through these. */
export function topicOver<M>({ publish, read, closed }: TopicAccess, name: string): ClientTopic<M> {
  return {
    name,
    publish: async (message) => publish(name, toJsonBytes(message, `what is published on "${name}"`)),
    async subscribe(listener, { signal, onGap = () => undefined } = {}) {
      const own = new AbortController();
      const over = AbortSignal.any([own.signal, closed, ...(signal === undefined ? [] : [signal])]);
      const begun = Promise.withResolvers<void>();
      const run = async (): Promise<void> => {
        let known = false;
        for await (const { payloads = [], missed = 0 } of read(name, over)) {
          if (payloads.length === 0 && missed === 0) {
            if (known) onGap({ missed: undefined });
            known = true;
            begun.resolve();
          }
          for (const payload of payloads) {
            if (over.aborted) return;
            await listener(fromJsonBytes(payload, `what was published on "${name}"`) as M);
          }
          if (missed > 0 && !over.aborted) onGap({ missed });
        }
      };
      const running = run().catch((error: unknown) => {
        if (!over.aborted || !isTroupeError(error, 'CANCELLED')) throw error;
      });
      await Promise.race([begun.promise, running]);
      if (over.aborted) throw new TroupeError('CANCELLED', 'the caller took the subscription back');
      return { ended: running.then(() => undefined), close: () => own.abort() };
    },
  };
}
