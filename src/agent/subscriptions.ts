import type { Ref } from '../actor/index.ts';
import type { NodeActors, Topic } from '../cluster/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  errorMessage,
  type Logger,
  type NodeId,
  TroupeError,
} from '../core/index.ts';
import type { Host } from './host.ts';

/** Topics that the agents of one node may be subscribed to at a time, counted once for each agent. */
export const AGENT_SUBSCRIPTIONS_MAX = 100_000;
/** What of one topic may wait on its way to one agent; what comes then is a dead letter. */
const NEWS_MESSAGES_MAX = 1_000;
/** Where nodes tell each other whose subscriptions they have. */
const TAKEN_OVER = 'troupe.subscriptions';

/** A node has an agent's subscription now. */
interface TakenOver {
  readonly key: string;
  readonly node: NodeId;
}

interface Subscription {
  method: string;
  readonly relay: Ref<unknown>;
  readonly topic: Topic<unknown>;
}

/**
 * The topics that agents are subscribed to from this node. A relay for each, an actor of this node, sends on what is
 * published, as tells to wherever the agent then is. It ends with the node, or when the agent subscribes on another one.
 */
export class AgentSubscriptions {
  readonly #actors: NodeActors;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #subscriptions: Map<string, Subscription> = new Map();
  #takenOver: Topic<TakenOver> | undefined;

  constructor(actors: NodeActors, host: Host, logger: Logger) {
    this.#actors = actors;
    this.#host = host;
    this.#logger = logger;
  }

  /** See `AgentContext.subscribe`. @throws TroupeError OVERLOADED past `AGENT_SUBSCRIPTIONS_MAX`, INVALID_ARGUMENT */
  subscribe(agent: AgentAddress, name: string, method: string): void {
    const key = keyOf(agent, name);
    const known = this.#subscriptions.get(key);
    if (known !== undefined) {
      known.method = method;
      return;
    }
    if (this.#subscriptions.size >= AGENT_SUBSCRIPTIONS_MAX) {
      const message = `agents of this node are subscribed to ${AGENT_SUBSCRIPTIONS_MAX} topics`;
      throw new TroupeError('OVERLOADED', message, { address: agentAddressKey(agent) });
    }
    const topic = this.#actors.topic<unknown>(name);
    const relay = this.#actors.spawn<unknown>(
      () => ({ receive: (message) => this.#pass(agent, subscription.method, message) }),
      { mailbox: { capacity: NEWS_MESSAGES_MAX } },
    );
    const subscription: Subscription = { method, relay, topic };
    this.#subscriptions.set(key, subscription);
    topic.subscribe(relay);
    this.#announce().publish({ key, node: this.#actors.self.node });
  }

  unsubscribe(agent: AgentAddress, name: string): void {
    this.#end(keyOf(agent, name));
  }

  #end(key: string): void {
    const subscription = this.#subscriptions.get(key);
    if (subscription === undefined) return;
    this.#subscriptions.delete(key);
    subscription.topic.unsubscribe(subscription.relay);
    void this.#actors.system.stop(subscription.relay);
  }

  async #pass(agent: AgentAddress, method: string, message: unknown): Promise<void> {
    try {
      await this.#host.tell(agent, method, message);
    } catch (error) {
      this.#logger.warn('agent not told what was published', {
        agent: agentAddressKey(agent),
        method,
        error: errorMessage(error),
      });
    }
  }

  #announce(): Topic<TakenOver> {
    if (this.#takenOver !== undefined) return this.#takenOver;
    const { self } = this.#actors;
    this.#takenOver = this.#actors.topic<TakenOver>(TAKEN_OVER);
    const ear = this.#actors.spawn<TakenOver>(() => ({
      receive: ({ key, node }) => {
        if (node !== self.node) this.#end(key);
      },
    }));
    this.#takenOver.subscribe(ear);
    return this.#takenOver;
  }
}

function keyOf(agent: AgentAddress, topic: string): string {
  return `${agentAddressKey(agent)} ${topic}`;
}
