import {
  type ActorCell,
  type ActorSystem,
  type Ask,
  type Kernel,
  type Ref,
  type ReplyTo,
  startAsk,
  type Terminated,
} from '../../actor/index.ts';
import {
  type Clock,
  errorMessage,
  type Logger,
  type NodeRef,
  nodeRefKey,
  TroupeError,
  toWireError,
} from '../../core/index.ts';
import type { Envelope, Links, PeerLoss } from '../../remote/index.ts';
import { decodePayload, fitting } from '../../wire/index.ts';
import type { Peers } from '../peers.ts';
import { lifeOf } from '../router.ts';
import type { ClusterMap } from '../view.ts';
import { buryTell } from './agent-letters.ts';
import { Circles } from './circles.ts';
import { decodeAt, type Home, settle } from './codec.ts';
import { type EndNews, HERE, Neighbour, type NeighbourParts } from './neighbour.ts';
import { RemoteRef } from './remote-ref.ts';

/** Ended actors whose reason is remembered, for watchers that come late. */
const ENDED_KEPT_MAX = 10_000;
/** Dead letters made in one turn of the event loop, when many messages are lost at once. */
const LETTERS_PER_TURN = 500;

/** What a gate is made of. */
export interface GateParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly links: Links;
  readonly peers: Peers;
  /** The actors of this life of the node. */
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What happens to topics is somebody else's. */
export interface TopicTraffic {
  /** A node is up and knows nothing yet. */
  greet(neighbour: Neighbour): void;
  received(neighbour: Neighbour, envelope: Envelope): void;
  lost(neighbour: Neighbour): void;
}

/**
 * Where the actors of a node meet those of others: it knows which of ours others have refs of, and what is open with each life
 * of another node.
 */
export class ActorGate implements Home {
  readonly self: NodeRef;
  readonly #selfKey: string;
  readonly #parts: GateParts;
  readonly #kernel: Kernel;
  readonly #neighbourParts: NeighbourParts;
  readonly #neighbours: Map<string, Neighbour> = new Map();
  /** This life itself, for refs of its actors that have ended. */
  readonly #own: Neighbour;
  /** Those of other nodes, by the very object that the links name a life with. */
  readonly #byLife: WeakMap<NodeRef, Neighbour> = new WeakMap();
  /** Our actors that others have refs of. */
  readonly #known: Map<string, ActorCell<unknown>> = new Map();
  /** Who wants to hear of their ends. */
  readonly #watchers: Map<string, Set<Neighbour>> = new Map();
  /** How they ended, oldest first. */
  readonly #ended: Map<string, EndNews> = new Map();
  /** Mail that waits for room in a mailbox which makes its senders wait: each message after the one before. */
  readonly #turns: Map<string, Promise<void>> = new Map();
  readonly #circles: Circles;
  topics: TopicTraffic | undefined;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.self = parts.self;
    this.#selfKey = nodeRefKey(parts.self);
    this.#kernel = parts.system.kernel;
    settle(this.#kernel, this);
    this.#neighbourParts = {
      links: parts.links,
      clock: parts.clock,
      makeRef: (neighbour, to, path) => new RemoteRef(this.#kernel, neighbour, to, path),
      decode: (neighbour, payload) => decodeAt(this, neighbour, undefined, payload),
      undelivered: (neighbour, envelopes) => this.#undelivered(neighbour, envelopes),
    };
    this.#own = new Neighbour(parts.self, this.#neighbourParts);
    this.#circles = new Circles(this.#selfKey, () => this.#neighbours.values());
    parts.peers.onActorEnvelope((from, envelope) => this.#receive(from, envelope));
    parts.links.onPeerLost((loss) => {
      this.#undelivered(this.neighbour(loss.peer), loss.unacknowledged);
      this.#lostTells(loss);
    });
    parts.map.onChange(({ nodes }) => {
      for (const node of nodes) if (parts.map.isAlive(node)) this.neighbour(node);
      if (nodes.length > 0) for (const neighbour of [...this.#neighbours.values()]) this.#look(neighbour);
    });
  }

  /** Living nodes, this one aside. */
  *living(): Generator<Neighbour> {
    for (const neighbour of this.#neighbours.values()) if (neighbour.state === 'up') yield neighbour;
  }

  /** What is known of a life. */
  neighbour(life: NodeRef): Neighbour {
    const key = nodeRefKey(life);
    const known = key === this.#selfKey ? this.#own : this.#neighbours.get(key);
    if (known !== undefined) return known;
    const { node, incarnation } = life;
    const neighbour = new Neighbour({ node, incarnation }, this.#neighbourParts);
    this.#neighbours.set(key, neighbour);
    this.#look(neighbour);
    return neighbour;
  }

  /** @throws TroupeError INVALID_ARGUMENT for an actor of another system */
  addressOf(ref: Ref<never>): string {
    if (ref instanceof RemoteRef) return ref.path;
    const cell = ref as unknown as ActorCell<unknown>;
    if (cell.kernel !== this.#kernel) {
      throw new TroupeError('INVALID_ARGUMENT', 'this actor is of no system of the node', { address: ref.path });
    }
    const to = `#${cell.id}`;
    if (!this.#known.has(to)) {
      this.#known.set(to, cell);
      cell.watch((terminated) => this.#ends(to, terminated));
    }
    return this.#selfKey + cell.path;
  }

  refOf(address: string): Ref<never> {
    const to = address.slice(address.lastIndexOf('#'));
    const key = address.slice(0, address.indexOf('/'));
    if (key === this.#selfKey) return (this.#known.get(to) ?? this.#dead(to, address)) as Ref<never>;
    const neighbour = this.#neighbours.get(key) ?? this.neighbour(lifeIn(key, address));
    return neighbour.ref(to, address) as Ref<never>;
  }

  /** Decodes what may hold refs. @throws TroupeError PROTOCOL_VIOLATION */
  decode(bytes: Uint8Array): unknown {
    return decodeAt(this, undefined, undefined, bytes);
  }

  /** Makes a tell to an agent a dead letter; see `buryTell`. */
  bury(envelope: Envelope, error: TroupeError): boolean {
    const { peers } = this.#parts;
    const post = {
      kernel: this.#kernel,
      decode: (bytes: Uint8Array) => this.decode(bytes),
      send: (again: Envelope) => peers.toAgent(again),
    };
    return buryTell(post, envelope, error);
  }

  /** This life of the node is over: everything that is open with others fails. */
  close(): void {
    for (const neighbour of this.#neighbours.values()) neighbour.lose(`node ${this.self.node} has left the cluster`);
    this.#neighbours.clear();
  }

  /** Compares a life with the view. A life's incarnation is the index of the entry that began it: a view that is past it knows it. */
  #look(neighbour: Neighbour): void {
    const { map } = this.#parts;
    const { life } = neighbour;
    if (map.isAlive(life)) {
      if (neighbour.state !== 'unknown') return;
      neighbour.up();
      this.topics?.greet(neighbour);
    } else if (life.incarnation <= map.index) {
      if (neighbour.state !== 'over') {
        const record = map.node(life.node);
        const reason = record?.incarnation === life.incarnation ? record.reason : undefined;
        neighbour.lose(reason ?? `${neighbour.key} is over`);
        for (const watchers of this.#watchers.values()) watchers.delete(neighbour);
        this.topics?.lost(neighbour);
      }
      // Its refs know what became of it; whoever comes with another one is told anew.
      if (neighbour.idle) this.#neighbours.delete(neighbour.key);
    }
  }

  // --- what comes in ------------------------------------------------------------------------------------------------

  #receive(from: NodeRef, envelope: Envelope): void | Promise<void> {
    const { kind, to, method } = envelope;
    try {
      if (method !== '') return this.#news(this.#sender(from), envelope);
      if (kind === 'tell') return this.#tell(from, envelope);
      if (kind === 'ask') return this.#ask(this.#sender(from), envelope);
      if (kind === 'cancel') return this.#sender(from).takenBack(envelope.correlation);
      this.#sender(from).answered(envelope);
    } catch (error) {
      this.#parts.logger.warn('message for an actor dropped', {
        from: nodeRefKey(from),
        to,
        error: errorMessage(error),
      });
    }
  }

  #sender(from: NodeRef): Neighbour {
    let neighbour = this.#byLife.get(from);
    if (neighbour === undefined) {
      neighbour = this.neighbour(from);
      this.#byLife.set(from, neighbour);
    }
    return neighbour;
  }

  #tell(from: NodeRef, { to, payload }: Envelope): void | Promise<void> {
    const cell = this.#known.get(to);
    let message = decodeAt(this, this.#sender(from), undefined, payload);
    if (cell === undefined) return this.#deadLetter(to, message, payload.byteLength);
    try {
      message = checked(cell, message);
    } catch (error) {
      return this.#kernel.deadLetters.add({ message, to: cell.path, reason: 'unfit', error }, payload.byteLength, cell);
    }
    if (cell.spec.overflow !== 'backpressure') cell.accept(message);
    else if (this.#turns.has(to)) return this.#inTurn(to, () => cell.offer(message));
    else {
      const waiting = cell.offerNow(message);
      if (waiting !== undefined) return this.#inTurn(to, () => waiting);
    }
  }

  #ask(from: Neighbour, envelope: Envelope): void | Promise<void> {
    const cell = this.#known.get(envelope.to);
    if (cell === undefined) from.refuse(envelope.correlation, this.#dead(envelope.to).terminatedError());
    else if (!this.#turns.has(envelope.to)) this.#answer(from, cell, envelope);
    else return this.#inTurn(envelope.to, async () => this.#answer(from, cell, envelope));
  }

  /** Asks the actor in the asker's name. */
  #answer(from: Neighbour, cell: ActorCell<unknown>, envelope: Envelope): void {
    const { correlation, payload, timeoutMs } = envelope;
    let asked: Ask | undefined;
    const makeMessage = (reply: ReplyTo<unknown>): unknown => {
      asked = reply as Ask;
      return checked(cell, decodeAt(this, from, reply, payload));
    };
    const answered = (reply: unknown): void => {
      from.borrowed.delete(correlation);
      from.answer(correlation, reply);
    };
    const failed = (error: unknown): void => {
      from.borrowed.delete(correlation);
      from.refuse(correlation, error);
    };
    try {
      startAsk(cell, makeMessage, timeoutMs === undefined ? undefined : { timeoutMs }, undefined, answered, failed);
      if (!asked?.open) return;
      from.borrowed.set(correlation, asked);
      this.#circles.came(from, envelope, asked);
    } catch (error) {
      failed(error);
    }
  }

  /** @param take takes a message when all before it are taken */
  #inTurn(to: string, take: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(to) ?? Promise.resolve()).then(take).catch(() => undefined);
    this.#turns.set(to, turn);
    return turn.then(() => {
      if (this.#turns.get(to) === turn) this.#turns.delete(to);
    });
  }

  #news(from: Neighbour, envelope: Envelope): void {
    const { to, method, payload } = envelope;
    if (method === 'ended') from.ended(to, decodePayload(payload) as EndNews);
    else if (method === 'circle') this.#circles.asked(from, envelope);
    else if (method === 'unwatch') this.#watchers.get(to)?.delete(from);
    else if (method !== 'watch') this.topics?.received(from, envelope);
    else if (!this.#known.has(to)) from.tellEnd(to, this.#endOf(to));
    else {
      const watchers = this.#watchers.get(to) ?? new Set();
      watchers.add(from);
      this.#watchers.set(to, watchers);
    }
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  #ends(to: string, { reason, error }: Terminated): void {
    const news: EndNews = error === undefined ? [reason] : [reason, toWireError(error)];
    this.#known.delete(to);
    this.#ended.set(to, news);
    if (this.#ended.size > ENDED_KEPT_MAX) this.#ended.delete(this.#ended.keys().next().value as string);
    for (const watcher of this.#watchers.get(to) ?? []) watcher.tellEnd(to, news);
    this.#watchers.delete(to);
  }

  #endOf(to: string): EndNews {
    return this.#ended.get(to) ?? ['gone'];
  }

  /** The ref of an actor of ours that has ended. */
  #dead(to: string, path: string = this.#selfKey + to): RemoteRef<unknown> {
    const ref = new RemoteRef<unknown>(this.#kernel, this.#own, to, path);
    const [reason, error] = this.#endOf(to);
    ref.end(reason, error);
    return ref;
  }

  #deadLetter(to: string, message: unknown, bytes: number): void {
    const addressee = this.#dead(to);
    this.#kernel.deadLetters.add({ message, to: addressee.path, reason: 'terminated' }, bytes, addressee);
  }

  /** Tells to agents that the other node hadn't acknowledged. */
  #lostTells({ peer, reason, unacknowledged }: PeerLoss): void {
    const error = new TroupeError('NODE_UNAVAILABLE', reason, { address: peer.node });
    let messages = 0;
    for (const envelope of unacknowledged) if (this.bury(envelope, error)) messages++;
    if (messages > 0) this.#parts.logger.warn('messages to agents lost with a node', { node: peer.node, messages });
  }

  /** Messages that the other node hadn't acknowledged when it was lost. Asks have failed by themselves. */
  #undelivered(neighbour: Neighbour, envelopes: readonly Envelope[]): void {
    const messages = envelopes.filter(
      ({ kind, to, method }) => kind === 'tell' && method === '' && to.startsWith(HERE),
    );
    let next = 0;
    const some = (): void => {
      for (const end = Math.min(messages.length, next + LETTERS_PER_TURN); next < end; next++) {
        const { to, payload } = messages[next] as Envelope;
        const ref = neighbour.ref(to, `${neighbour.key}/${to}`);
        this.#kernel.deadLetters.add(
          { message: this.decode(payload), to: ref.path, reason: 'unreachable' },
          payload.byteLength,
          ref,
        );
      }
      if (next < messages.length) this.#parts.clock.yieldThen(some);
    };
    some();
  }
}

/** A message from elsewhere, as the actor's schema has it. @throws TroupeError SCHEMA_MISMATCH, INVALID_ARGUMENT for a schema that makes one wait */
function checked({ spec: { schema }, path }: ActorCell<unknown>, message: unknown): unknown {
  if (schema === undefined) return message;
  const result = schema['~standard'].validate(message);
  if (!(result instanceof Promise)) return fitting(result, `a message for ${path}`);
  throw new TroupeError('INVALID_ARGUMENT', 'the schema of an actor must answer at once', { address: path });
}

function lifeIn(key: string, address: string): NodeRef {
  const life = lifeOf(key);
  if (life !== undefined && Number.isSafeInteger(life.incarnation)) return life;
  throw new TroupeError('INVALID_ARGUMENT', `"${address}" is no address of an actor`, { address });
}
