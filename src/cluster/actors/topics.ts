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

/** Told of a message that the subscribers of a node miss. @param bytes its size */
export type OnMissed = (topic: string, node: Neighbour, message: unknown, bytes: number, error: TroupeError) => void;

/** Publish and subscribe among the nodes of a cluster: each tells the others for which topics it has subscribers. */
export class ClusterTopics implements TopicTraffic {
  readonly #gate: ActorGate;
  readonly #here: Topics<Record<string, unknown>> = new Topics();
  /** Topics that the other nodes believe to have subscribers here. */
  readonly #announced: Set<string> = new Set();
  /** Nodes that have subscribers. */
  readonly #there: Map<string, Set<Neighbour>> = new Map();
  readonly #missed: OnMissed;

  constructor(gate: ActorGate, missed: OnMissed) {
    this.#gate = gate;
    this.#missed = missed;
    gate.topics = this;
  }

  /** @throws TroupeError INVALID_ARGUMENT for a name that is empty or longer than `TOPIC_NAME_MAX` */
  topic<M>(name: string): Topic<M> {
    if (name.length === 0 || name.length > TOPIC_NAME_MAX) {
      throw new TroupeError('INVALID_ARGUMENT', `the name of a topic has 1 to ${TOPIC_NAME_MAX} characters`);
    }
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

  greet(neighbour: Neighbour): void {
    for (const name of this.#announced) say(neighbour, 'join', name);
  }

  received(neighbour: Neighbour, { to, method, payload }: Envelope): void {
    const name = to.slice(TOPIC.length);
    if (method === 'publish') {
      if (this.#here.publish(name, this.#gate.decode(payload)) === 0) this.#retract(name);
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
    if (this.#announced.has(name)) return;
    this.#announced.add(name);
    for (const neighbour of this.#gate.living()) say(neighbour, 'join', name);
  }

  /** Nobody here wants it any more: subscribers that died are noticed when something comes for them. */
  #retract(name: string): void {
    if (!this.#announced.has(name) || this.#here.count(name) > 0) return;
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
    this.#here.publish(name, message);
    return all;
  }
}

function say(neighbour: Neighbour, method: 'join' | 'leave', name: string): void {
  const to = TOPIC + name;
  neighbour.tell(to, { kind: 'tell', to, correlation: 0, method, payload: EMPTY_PAYLOAD });
}
