import type { NodeActors, Published, TopicListener } from '../cluster/index.ts';
import { TroupeError } from '../core/index.ts';
import type { TroupeHandlers } from '../wire/generated/troupe/v1/Troupe.ts';
import type { Calls } from './calls.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';
import { TOPIC_SUBSCRIPTIONS_MAX, TOPIC_WAITING_BYTES_MAX, TOPIC_WAITING_MESSAGES_MAX } from './limits.ts';

/** Topics that the parts of the runtime speak to each other by. */
const RUNTIME_TOPICS = 'troupe.';

/** What came on a topic since the news before; the first of a subscription is empty. */
export interface TopicNews {
  /** Messages as JSON, in order. */
  readonly payloads: Uint8Array[];
  /** How many more came and were left out. */
  readonly missed: number;
}

/** The methods about topics. @param actors those of the node's present life; throws SHUTTING_DOWN when there is none */
export function topicHandlers(
  actors: () => NodeActors,
  calls: Calls,
): Pick<TroupeHandlers, 'PublishTopic' | 'SubscribeTopic'> {
  let subscriptions = 0;
  return {
    PublishTopic: calls.unary(async ({ topic = '', payload }) => ({
      sentToAll: publishTo(actors(), topic, payload),
    })),

    SubscribeTopic: calls.serverStream(async function* ({ topic = '' }, { signal }) {
      if (subscriptions >= TOPIC_SUBSCRIPTIONS_MAX) {
        throw new TroupeError('OVERLOADED', `clients have ${TOPIC_SUBSCRIPTIONS_MAX} subscriptions at this node`);
      }
      subscriptions++;
      try {
        yield* readTopic(actors(), topic, signal);
      } finally {
        subscriptions--;
      }
    }, true),
  };
}

/**
 * Publishes what a client sends. @param payload JSON
 *
 * @returns false when the subscribers of some node miss it
 * @throws TroupeError SHUTTING_DOWN when this life of the node is over: nobody was told; INVALID_ARGUMENT
 */
export function publishTo(actors: NodeActors, topic: string, payload: Uint8Array | undefined): boolean {
  if (actors.over) throw leaving();
  return actors.topic(allowed(topic)).publish(fromJsonBytes(payload, 'the payload'));
}

/**
 * What is published on a topic from the first news on, for a client; ends when the signal fires.
 *
 * @throws TroupeError SHUTTING_DOWN when this life of the node is over, INVALID_ARGUMENT
 */
export async function* readTopic(actors: NodeActors, topic: string, signal: AbortSignal): AsyncGenerator<TopicNews> {
  const reader = new TopicReader(topic);
  const stop = actors.listen(allowed(topic), reader);
  const onAbort = (): void => reader.ended();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    yield reader.take();
    while (!signal.aborted) {
      if (await reader.hasNews()) yield reader.take();
      else if (!signal.aborted) throw leaving();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop();
  }
}

/** What waits for one client. */
class TopicReader implements TopicListener {
  readonly #topic: string;
  #payloads: Uint8Array[] = [];
  #bytes = 0;
  #missed = 0;
  #over = false;
  #wake: () => void = () => undefined;

  constructor(topic: string) {
    this.#topic = topic;
  }

  heard(published: Published): void {
    const payload = jsonOf(published, this.#topic);
    const fits =
      payload !== undefined &&
      this.#payloads.length < TOPIC_WAITING_MESSAGES_MAX &&
      this.#bytes + payload.byteLength <= TOPIC_WAITING_BYTES_MAX;
    if (fits) {
      this.#payloads.push(payload);
      this.#bytes += payload.byteLength;
    } else this.#missed++;
    this.#wake();
  }

  ended(): void {
    this.#over = true;
    this.#wake();
  }

  /** Waits for some. @returns false when none will come */
  async hasNews(): Promise<boolean> {
    while (this.#payloads.length === 0 && this.#missed === 0) {
      if (this.#over) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  take(): TopicNews {
    const news = { payloads: this.#payloads, missed: this.#missed };
    this.#payloads = [];
    this.#bytes = 0;
    this.#missed = 0;
    return news;
  }
}

/** Encoded once for all clients of this node. Undefined when JSON has no form for it. */
function jsonOf(published: Published, topic: string): Uint8Array | undefined {
  try {
    published.bytes ??= toJsonBytes(published.message, `what is published on "${topic}"`);
    return published.bytes;
  } catch {
    return undefined;
  }
}

function leaving(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'this node is leaving; ask another one');
}

function allowed(topic: string): string {
  if (!topic.startsWith(RUNTIME_TOPICS)) return topic;
  throw new TroupeError('INVALID_ARGUMENT', `topics named "${RUNTIME_TOPICS}…" are the runtime's own`);
}
