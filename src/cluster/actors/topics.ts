import { type Ref, Topics } from '../../actor/index.ts';
import { asTroupeError, TroupeError } from '../../core/index.ts';
import type { Envelope } from '../../remote/index.ts';
import { EMPTY_PAYLOAD, encodePayload } from '../../wire/index.ts';
import type { ActorGate, TopicTraffic } from './gate.ts';
import type { Neighbour } from './neighbour.ts';

/** Longest name of a topic, UTF-16 code units: links remember names that aren't longer by a number. */
export const TOPIC_NAME_MAX = 200;

/** Receiver of what is about a topic, before its name. */
const TOPIC = '#topic:';

/** A topic of the whole cluster: what is published on any node reaches its subscribers on all. */
export interface Topic<M> {
  readonly name: string;
  /**
   * Tells all subscribers, on this node within the call, on others by one message to each node that has any. At most once:
   * nothing is kept for those who come later, or whose node can't be reached. Order is kept per publisher and subscriber.
   *
   * @returns false when the way to a node was full: its subscribers miss the message, which is a dead letter
   * @throws TroupeError MESSAGE_TOO_LARGE, INVALID_ARGUMENT for what can't travel
   */
  publish(message: M): boolean;
  /**
   * Lets an actor of this node have what is published from now on; twice is once. Other nodes know of it before anything that
   * this node sends them later: whoever answers a message that the subscriber sent afterwards reaches it by the topic, too.
   *
   * @throws TroupeError OVERLOADED past `TOPICS_MAX` or `SUBSCRIBERS_MAX`, INVALID_ARGUMENT for an actor of another node
   */
  subscribe(ref: Ref<M>): void;
  /** @returns false when it wasn't subscribed */
  unsubscribe(ref: Ref<M>): boolean;
}

/** A message on its way to those who listen on one node. */
export interface Published {
  readonly message: unknown;
  /** Its encoded form, made by the first listener that needs one. */
  bytes?: Uint8Array;
}

/** Hears a topic without being an actor. */
export interface TopicListener {
  /** Within the call that publishes: it only puts aside what it gets, keeps its own bounds, and doesn't throw. */
  heard(published: Published): void;
  /** This life of the node is over: nothing comes any more. */
  ended(): void;
}

/** Told of a message that the subscribers of a node miss. @param bytes its size */
export type OnMissed = (topic: string, node: Neighbour, message: unknown, bytes: number, error: TroupeError) => void;

/** Publish and subscribe among the nodes of a cluster: each tells the others for which topics it has subscribers. */
export class ClusterTopics implements TopicTraffic {
  readonly #gate: ActorGate;
  readonly #here: Topics<Record<string, unknown>> = new Topics();
  readonly #listeners: Map<string, Set<TopicListener>> = new Map();
  /** Topics that the other nodes believe to have subscribers here. */
  readonly #announced: Set<string> = new Set();
  /** Nodes that have subscribers. */
  readonly #there: Map<string, Set<Neighbour>> = new Map();
  readonly #missed: OnMissed;
  #over = false;

  constructor(gate: ActorGate, missed: OnMissed) {
    this.#gate = gate;
    this.#missed = missed;
    gate.topics = this;
  }

  /** @throws TroupeError INVALID_ARGUMENT for a name that is empty or longer than `TOPIC_NAME_MAX` */
  topic<M>(name: string): Topic<M> {
    checkName(name);
    return {
      name,
      publish: (message) => this.#publish(name, message),
      subscribe: (ref) => this.#subscribe(name, ref as Ref<unknown>),
      unsubscribe: (ref) => {
        const was = this.#here.unsubscribe(name, ref as Ref<unknown>);
        this.#retract(name);
        return was;
      },
    };
  }

  /**
   * Lets somebody who is no actor hear what is published from now on; other nodes know as with `Topic.subscribe`. How many may
   * listen is the caller's to bound.
   * @returns takes the listener back
   * @throws TroupeError SHUTTING_DOWN, INVALID_ARGUMENT as `topic`
   */
  listen(name: string, listener: TopicListener): () => void {
    checkName(name);
    if (this.#over) throw new TroupeError('SHUTTING_DOWN', 'this life of the node is over');
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    this.#announce(name);
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) this.#listeners.delete(name);
      this.#retract(name);
    };
  }

  /** Whether this life of the node is over. */
  get over(): boolean {
    return this.#over;
  }

  /** This life of the node is over: who listens is told. */
  end(): void {
    this.#over = true;
    for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener.ended();
  }

  greet(neighbour: Neighbour): void {
    for (const name of this.#announced) say(neighbour, 'join', name);
  }

  received(neighbour: Neighbour, { to, method, payload }: Envelope): void {
    const name = to.slice(TOPIC.length);
    if (method === 'publish') {
      if (this.#tell(name, this.#gate.decode(payload)) === 0) this.#retract(name);
      return;
    }
    const nodes = this.#there.get(name) ?? new Set();
    if (method === 'join') this.#there.set(name, nodes.add(neighbour));
    else if (nodes.delete(neighbour) && nodes.size === 0) this.#there.delete(name);
  }

  lost(neighbour: Neighbour): void {
    for (const [name, nodes] of this.#there) {
      if (nodes.delete(neighbour) && nodes.size === 0) this.#there.delete(name);
    }
  }

  #subscribe(name: string, ref: Ref<unknown>): void {
    this.#here.subscribe(name, ref);
    this.#announce(name);
  }

  #announce(name: string): void {
    if (this.#announced.has(name)) return;
    this.#announced.add(name);
    for (const neighbour of this.#gate.living()) say(neighbour, 'join', name);
  }

  /** Nobody here wants it any more: subscribers that died are noticed when something comes for them. */
  #retract(name: string): void {
    if (!this.#announced.has(name) || this.#here.count(name) > 0 || this.#listeners.has(name)) return;
    this.#announced.delete(name);
    for (const neighbour of this.#gate.living()) say(neighbour, 'leave', name);
  }

  #publish(name: string, message: unknown): boolean {
    const nodes = this.#there.get(name);
    const payload = nodes === undefined ? EMPTY_PAYLOAD : encodePayload(message);
    let all = true;
    for (const neighbour of nodes ?? []) {
      try {
        neighbour.post('tell', TOPIC + name, 0, payload, undefined, 'publish');
      } catch (error) {
        all = false;
        this.#missed(name, neighbour, message, payload.byteLength, asTroupeError(error, 'NODE_UNAVAILABLE'));
      }
    }
    this.#tell(name, message);
    return all;
  }

  /** @returns how many on this node took it */
  #tell(name: string, message: unknown): number {
    const taken = this.#here.publish(name, message);
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return taken;
    const published: Published = { message };
    for (const listener of listeners) listener.heard(published);
    return taken + listeners.size;
  }
}

/** @throws TroupeError INVALID_ARGUMENT */
function checkName(name: string): void {
  if (name.length > 0 && name.length <= TOPIC_NAME_MAX) return;
  throw new TroupeError('INVALID_ARGUMENT', `the name of a topic has 1 to ${TOPIC_NAME_MAX} characters`);
}

function say(neighbour: Neighbour, method: 'join' | 'leave', name: string): void {
  const to = TOPIC + name;
  neighbour.tell(to, { kind: 'tell', to, correlation: 0, method, payload: EMPTY_PAYLOAD });
}
