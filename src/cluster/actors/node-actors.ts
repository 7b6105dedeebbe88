import {
  ActorSystem,
  type BehaviorFactory,
  type KernelLimits,
  type Ref,
  type SpawnOptions,
  type Terminated,
} from '../../actor/index.ts';
import {
  type Clock,
  type Logger,
  type NodeId,
  type NodeRef,
  type Random,
  type Tracer,
  TroupeError,
} from '../../core/index.ts';
import type { Envelope, Links } from '../../remote/index.ts';
import { decodePayload, EMPTY_PAYLOAD, encodePayload } from '../../wire/index.ts';
import type { Peers } from '../peers.ts';
import { type ClusterMap, sameNode } from '../view.ts';
import { ActorGate } from './gate.ts';
import { ClusterTopics, type Topic, type TopicListener } from './topics.ts';

/** How long a name is looked up when nothing else is said, ms. */
export const FIND_TIMEOUT_MS = 5_000;
/** How long another node is waited for that is to have heard what this one said, ms. */
const TOLD_TIMEOUT_MS = 5_000;

/** What the actors of a node are made of. */
export interface NodeActorsParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly links: Links;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly limits?: Partial<KernelLimits>;
}

/** What actors of one node and of all nodes are reached by. */
export interface Actors {
  /** This life of this node. Its actors end with it. */
  readonly self: NodeRef;
  /**
   * Starts a top-level actor of this node.
   * @throws TroupeError SHUTTING_DOWN, ALREADY_EXISTS (name), OVERLOADED (too many actors), INVALID_ARGUMENT
   */
  spawn<M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>): Ref<M>;
  /**
   * Looks up a living top-level actor by its name, on any node. The ref names that very actor: whoever takes the name later
   * has to be looked up anew. What messages it understands is the caller's word.
   *
   * @param options `timeoutMs` default 5,000
   * @throws TroupeError NOT_FOUND (no such node, or no actor of that name there), NODE_UNAVAILABLE, TIMEOUT
   */
  find<M>(node: NodeId, name: string, options?: { readonly timeoutMs?: number }): Promise<Ref<M>>;
  /** Text that names an actor in the whole cluster, e.g. `node-1#42/worker#17`; for places that refs can't go to. */
  addressOf(ref: Ref<never>): string;
  /** The ref of an address that `addressOf` gave. @throws TroupeError INVALID_ARGUMENT */
  refOf<M>(address: string): Ref<M>;
  /**
   * Calls `listener` exactly once when an actor of any node has ended, soon if it already has. The reason is `lost` when its
   * node's life is over.
   * @returns takes the listener back
   */
  watch(ref: Ref<never>, listener: (terminated: Terminated) => void): () => void;
  /** A topic of the whole cluster. @throws TroupeError INVALID_ARGUMENT for a name that is empty or too long */
  topic<M>(name: string): Topic<M>;
}

/**
 * The actors of one life of a node, and its way to those of others. A ref may be sent in any message to another actor; there
 * it is a ref of the same actor.
 */
export class NodeActors implements Actors {
  readonly self: NodeRef;
  readonly system: ActorSystem;
  readonly #parts: NodeActorsParts;
  readonly #gate: ActorGate;
  readonly #topics: ClusterTopics;

  constructor(parts: NodeActorsParts) {
    const { self, peers, clock, random, logger, tracer, limits } = parts;
    this.self = self;
    this.#parts = parts;
    this.system = new ActorSystem({ clock, random, logger, tracer, ...(limits === undefined ? {} : { limits }) });
    this.#gate = new ActorGate({ ...parts, system: this.system });
    this.#topics = new ClusterTopics(this.#gate, (topic, { key, life }, message, bytes, error) => {
      const to = `${key}/${topic}`;
      const nobody = { closed: true, accept: () => 'NODE_UNAVAILABLE' };
      this.system.kernel.deadLetters.add({ message, to, reason: 'overflow', error }, bytes, nobody);
      logger.debug('published message dropped', { topic, node: life.node, code: error.code });
    });
    peers.serve('actors', async (method, payload) => {
      if (method === 'told') return EMPTY_PAYLOAD;
      const name = decodePayload(payload) as string;
      return encodePayload(this.#named(name));
    });
  }

  spawn<M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>): Ref<M> {
    return this.system.spawn(factory, options);
  }

  async find<M>(node: NodeId, name: string, options: { readonly timeoutMs?: number } = {}): Promise<Ref<M>> {
    const { map, peers } = this.#parts;
    if (node === this.self.node) return this.#named(name) as unknown as Ref<M>;
    const record = map.node(node);
    if (record === undefined) throw new TroupeError('NOT_FOUND', `there is no node "${node}"`, { address: node });
    if (!map.isAlive(record))
      throw new TroupeError('NODE_UNAVAILABLE', `${node} is ${record.state}`, { address: node });
    const timeoutMs = options.timeoutMs ?? FIND_TIMEOUT_MS;
    const found = await peers.request(record, 'system', 'actors', 'find', encodePayload(name), timeoutMs);
    return this.#gate.decode(found) as Ref<M>;
  }

  addressOf(ref: Ref<never>): string {
    return this.#gate.addressOf(ref);
  }

  refOf<M>(address: string): Ref<M> {
    return this.#gate.refOf(address) as unknown as Ref<M>;
  }

  watch(ref: Ref<never>, listener: (terminated: Terminated) => void): () => void {
    return this.system.watch(ref, listener);
  }

  topic<M>(name: string): Topic<M> {
    return this.#topics.topic(name);
  }

  /** Resolves when every node that lives has heard what this one has said of its topics so far, as far as it can be asked. */
  async told(): Promise<void> {
    const { map, peers, self } = this.#parts;
    const others = map.nodes().filter((node) => map.isAlive(node) && !sameNode(node, self));
    await Promise.allSettled(
      others.map((node) => peers.request(node, 'user', 'actors', 'told', EMPTY_PAYLOAD, TOLD_TIMEOUT_MS)),
    );
  }

  /** Whether they are being stopped, or have been. */
  get over(): boolean {
    return this.#topics.over;
  }

  /** See `ClusterTopics.listen`. */
  listen(topic: string, listener: TopicListener): () => void {
    return this.#topics.listen(topic, listener);
  }

  /** Makes a tell to an agent that nobody will handle a dead letter of this node; what isn't one, isn't. @param error why */
  bury(envelope: Envelope, error: TroupeError): void {
    this.#gate.bury(envelope, error);
  }

  /** Decodes a body that may hold refs. @throws TroupeError PROTOCOL_VIOLATION */
  decode(bytes: Uint8Array): unknown {
    return this.#gate.decode(bytes);
  }

  /** Stops the actors of this node; who watches them elsewhere hears why as long as links are open. */
  stop(timeoutMs: number): Promise<void> {
    this.#topics.end();
    return this.system.shutdown(timeoutMs);
  }

  /** Ends what is still open with other nodes. */
  close(): void {
    this.#gate.close();
  }

  #named(name: string): Ref<unknown> {
    const ref = this.system.find<unknown>(name);
    if (ref !== undefined) return ref;
    throw new TroupeError('NOT_FOUND', `no actor is named "${name}"`, { address: `${this.self.node}/${name}` });
  }
}
