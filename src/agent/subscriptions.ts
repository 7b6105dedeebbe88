import type { Ref } from '../actor/index.ts';
import { type ClusterMap, type Interest, type NodeActors, sameNode, type Topic } from '../cluster/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  type Epoch,
  errorMessage,
  type Logger,
  type NodeId,
  type ShardId,
  TroupeError,
} from '../core/index.ts';
import type { Host } from './host.ts';

/** Topics that the agents of one node may be subscribed to at a time, counted once for each agent. What comes with a shard fits, whatever the number. */
export const AGENT_SUBSCRIPTIONS_MAX = 100_000;
/** What of one topic may wait on its way to one agent; what comes then is a dead letter. */
const NEWS_MESSAGES_MAX = 1_000;
/** Where nodes tell each other whose subscriptions they have. */
const TAKEN_OVER = 'troupe.subscriptions';

/** A node has an agent's subscription now. */
interface TakenOver {
  readonly key: string;
  readonly node: NodeId;
  /** Of the agent's shard there. */
  readonly epoch: Epoch;
}

interface Subscription {
  readonly agent: AgentAddress;
  /** Of the agent; undefined when its kind has none here. */
  readonly shard: ShardId | undefined;
  /** The shard's when the agent last subscribed, or came: word of another node that is older doesn't count. */
  epoch: Epoch;
  method: string;
  readonly relay: Ref<unknown>;
  readonly topic: Topic<unknown>;
}

/**
 * The topics that agents are subscribed to from this node. A relay for each, an actor of this node, sends on what is
 * published, as tells to wherever the agent then is. It ends with the node, or when another node says that it has the subscription: as the
 * agent subscribed there, or its shard was handed over with what its agents are subscribed to. That is said only when all nodes know of the
 * new one: until then the old one goes on, so that nothing is missed in between.
 */
export class AgentSubscriptions {
  readonly #actors: NodeActors;
  readonly #map: Pick<ClusterMap, 'shard' | 'shardOf'>;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #subscriptions: Map<string, Subscription> = new Map();
  #takenOver: Topic<TakenOver> | undefined;
  /** What the others aren't told yet: as many as there are subscriptions, at most. */
  readonly #fresh: TakenOver[] = [];
  #saying = false;

  constructor(actors: NodeActors, map: Pick<ClusterMap, 'shard' | 'shardOf'>, host: Host, logger: Logger) {
    this.#actors = actors;
    this.#map = map;
    this.#host = host;
    this.#logger = logger;
  }

  /** See `AgentContext.subscribe`. @throws TroupeError OVERLOADED past `AGENT_SUBSCRIPTIONS_MAX`, INVALID_ARGUMENT */
  subscribe(agent: AgentAddress, name: string, method: string): void {
    if (this.#subscriptions.size >= AGENT_SUBSCRIPTIONS_MAX && !this.#subscriptions.has(keyOf(agent, name))) {
      const message = `agents of this node are subscribed to ${AGENT_SUBSCRIPTIONS_MAX} topics`;
      throw new TroupeError('OVERLOADED', message, { address: agentAddressKey(agent) });
    }
    this.#begin(agent, name, method);
  }

  unsubscribe(agent: AgentAddress, name: string): void {
    this.#end(keyOf(agent, name));
  }

  /** Those of shards that are another node's by now, and that it hasn't said to have: what is published may still come here only. */
  get left(): number {
    let left = 0;
    for (const { shard } of this.#subscriptions.values()) {
      const owner = shard && this.#map.shard(shard)?.owner;
      if (owner !== undefined && !sameNode(owner, this.#actors.self)) left++;
    }
    return left;
  }

  /** What a shard's agents are subscribed to, for their next node. */
  of({ group, shard }: ShardId): Interest[] {
    const all: Interest[] = [];
    for (const { agent, shard: its, method, topic } of this.#subscriptions.values()) {
      if (its?.shard === shard && its.group === group) all.push({ key: agent.key, of: topic.name, method });
    }
    return all;
  }

  /** Goes on with what a shard's agents are subscribed to elsewhere. */
  load({ group }: ShardId, subscriptions: readonly Interest[]): void {
    for (const { key, of, method } of subscriptions) {
      try {
        this.#begin({ kind: group, key }, of, method);
      } catch (error) {
        // Mail that comes with it mustn't be lost for it.
        this.#logger.warn('subscription not taken over', { agent: key, topic: of, error: errorMessage(error) });
      }
    }
  }

  #begin(agent: AgentAddress, name: string, method: string): void {
    const key = keyOf(agent, name);
    const shard = this.#map.shardOf(agent.kind, agent.key);
    const epoch = (shard && this.#map.shard(shard)?.epoch) ?? 0;
    const known = this.#subscriptions.get(key);
    if (known !== undefined) {
      known.method = method;
      if (known.epoch === epoch) return;
      known.epoch = epoch;
    } else {
      const topic = this.#actors.topic<unknown>(name);
      const relay = this.#actors.spawn<unknown>(
        () => ({ receive: (message) => this.#pass(agent, subscription.method, message) }),
        { mailbox: { capacity: NEWS_MESSAGES_MAX } },
      );
      const subscription: Subscription = { agent, shard, epoch, method, relay, topic };
      this.#subscriptions.set(key, subscription);
      topic.subscribe(relay);
    }
    this.#fresh.push({ key, node: this.#actors.self.node, epoch });
    void this.#takeOver(this.#announce());
  }

  /** Ends fresh subscriptions where they were before, once whoever publishes knows of them here. */
  async #takeOver(others: Topic<TakenOver>): Promise<void> {
    if (this.#saying) return;
    this.#saying = true;
    // Those of one shard come in one breath.
    await Promise.resolve();
    while (this.#fresh.length > 0) {
      const words = this.#fresh.splice(0);
      await this.#actors.told();
      for (const word of words) others.publish(word);
    }
    this.#saying = false;
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
      receive: ({ key, node, epoch }) => {
        if (node !== self.node && epoch >= (this.#subscriptions.get(key)?.epoch ?? 0)) this.#end(key);
      },
    }));
    this.#takenOver.subscribe(ear);
    return this.#takenOver;
  }
}

function keyOf(agent: AgentAddress, topic: string): string {
  return `${agentAddressKey(agent)} ${topic}`;
}
