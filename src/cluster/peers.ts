import {
  asTroupeError,
  type Clock,
  fromWireError,
  isTroupeError,
  type NodeRef,
  nodeRefKey,
  type Timer,
  TroupeError,
  toWireError,
} from '../core/index.ts';
import type { Envelope, Lane, Links, Spending } from '../remote/index.ts';
import { Correlations } from './correlations.ts';
import { sameNode } from './view.ts';

/** Answers a request of another node; what it throws crosses back with its code. */
export type Service = (method: string, payload: Uint8Array, from: NodeRef) => Promise<Uint8Array>;

/** What became of a request. */
export type Settle = (reply: Uint8Array | undefined, error: TroupeError | undefined, spent?: Spending) => void;

const NOTHING = new Uint8Array(0);

/** Someone who waits for a reply. */
export interface Waiter {
  /** Fails the wait when this life ends; undefined when the waiter sees to that itself. */
  readonly peer?: NodeRef | undefined;
  /** Cancelled when it is settled or forgotten. */
  readonly timer?: Timer | undefined;
  /** Called once. */
  settle: Settle;
}

/** Takes what comes from another node for actors of this one, or about actors. A promise holds the sender's credit back. */
export type ActorReceiver = (from: NodeRef, envelope: Envelope) => void | Promise<void>;

/** First character of the receiver of whatever actors say to each other: `#`. */
const ACTORS = 0x23;

/** Requests open at a time, all kinds together. */
const REQUESTS_MAX = 1_000_000;
/** How often, and after which pause each time (ms), a reply to a node that isn't known here is tried. */
const REPLY_TRIES_MAX = 10;
const REPLY_RETRY_MS = 50;
/** Replies that wait so at a time; further ones are dropped. */
const LATE_REPLIES_MAX = 10_000;

/**
 * Requests and replies between nodes over links: pairs replies with asks, serves the runtime's own services (`sys:…`), and hands
 * messages for agents and actors to whoever delivers them.
 */
export class Peers {
  readonly self: NodeRef;
  readonly #links: Links;
  readonly #clock: Clock;
  readonly #services: Map<string, Service> = new Map();
  readonly #waiting: Correlations<Waiter> = new Correlations();
  /** Replies to nodes that are not known yet. */
  readonly #late: Set<Timer> = new Set();
  #agents: ((envelope: Envelope) => void | Promise<void>) | undefined;
  #actors: ActorReceiver | undefined;

  constructor(links: Links, clock: Clock) {
    this.self = links.self;
    this.#links = links;
    this.#clock = clock;
    links.onEnvelope((from, lane, envelope) => this.#receive(from, lane, envelope));
    links.onPeerLost((loss) => this.#lost(loss.peer, loss.reason));
  }

  /** Serves requests to `sys:<name>`. */
  serve(name: string, service: Service): void {
    this.#services.set(`sys:${name}`, service);
  }

  /** Sets who takes envelopes addressed to agents, from other nodes. */
  onAgentEnvelope(receiver: (envelope: Envelope) => void | Promise<void>): void {
    this.#agents = receiver;
  }

  /** Sends to an agent what had been on its way before. */
  toAgent(envelope: Envelope): void {
    void this.#agents?.(envelope);
  }

  /** Sets who takes envelopes from other nodes whose receiver begins with `#`. */
  onActorEnvelope(receiver: ActorReceiver): void {
    this.#actors = receiver;
  }

  /**
   * Asks a service of another node.
   * @throws TroupeError what the service threw, NODE_UNAVAILABLE when the peer dies, TIMEOUT
   */
  request(
    peer: NodeRef,
    lane: Lane,
    name: string,
    method: string,
    payload: Uint8Array,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const correlation = this.expect(peer, timeoutMs, (reply, error) => {
        if (error === undefined) resolve(reply ?? NOTHING);
        else reject(error);
      });
      try {
        this.#links.send(peer, lane, { kind: 'ask', to: `sys:${name}`, correlation, method, payload, timeoutMs });
      } catch (error) {
        this.forget(correlation);
        reject(error);
      }
    });
  }

  /**
   * Reserves a correlation and waits for its reply.
   *
   * @param peer fails the request when this life ends; undefined when the caller sees to that itself
   * @param timeoutMs Infinity when the caller sees to the deadline itself
   * @throws TroupeError OVERLOADED
   */
  expect(peer: NodeRef | undefined, timeoutMs: number, settle: Settle): number {
    const expire = (): void => {
      const details = peer === undefined ? {} : { address: peer.node };
      this.#settle(correlation, undefined, new TroupeError('TIMEOUT', `no reply within ${timeoutMs} ms`, details));
    };
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.schedule(timeoutMs, expire);
    const correlation = this.wait({ peer, timer, settle });
    return correlation;
  }

  /**
   * Reserves a correlation for a reply.
   * @throws TroupeError OVERLOADED
   */
  wait(waiter: Waiter): number {
    if (this.#waiting.size >= REQUESTS_MAX) {
      waiter.timer?.cancel();
      throw new TroupeError('OVERLOADED', `${REQUESTS_MAX} requests wait for replies`, { address: this.self.node });
    }
    return this.#waiting.add(waiter);
  }

  /** Who waits for the reply of this correlation. */
  waiter(correlation: number): Waiter | undefined {
    return this.#waiting.get(correlation);
  }

  /** Gives a request up; a late reply is dropped. */
  forget(correlation: number): void {
    this.#waiting.get(correlation)?.timer?.cancel();
    this.#waiting.delete(correlation);
  }

  /**
   * Sends a reply (or an error) to whoever asked, on this node or another; never throws. A dead asker needs none, and one whose
   * reply can't be sent hears why.
   *
   * @param budget what was spent on it, where the ask handed a budget down
   */
  reply(
    to: NodeRef,
    correlation: number,
    reply: Uint8Array | undefined,
    error: TroupeError | undefined,
    budget?: Spending,
  ): void {
    if (correlation === 0) return;
    const head = { to: '', correlation, method: '', budget } as const;
    if (sameNode(to, this.self)) this.#settle(correlation, reply, error, budget);
    else if (error === undefined) this.#answer(to, 'user', { ...head, kind: 'reply', payload: reply ?? NOTHING }, 0);
    else this.#answer(to, 'system', { ...head, kind: 'error', payload: NOTHING, error: toWireError(error) }, 0);
  }

  #answer(to: NodeRef, lane: Lane, envelope: Envelope, tries: number): void {
    try {
      this.#links.send(to, lane, envelope);
    } catch (failure) {
      if (isTroupeError(failure, 'NODE_UNAVAILABLE')) this.#answerLater(to, lane, envelope, tries + 1);
      else if (envelope.kind === 'reply')
        this.reply(to, envelope.correlation, undefined, asTroupeError(failure, 'INVARIANT_VIOLATED'), envelope.budget);
    }
  }

  /** Perhaps the asker is dead; perhaps it is so young that this node hasn't heard of it yet. */
  #answerLater(to: NodeRef, lane: Lane, envelope: Envelope, tries: number): void {
    if (tries >= REPLY_TRIES_MAX || this.#late.size >= LATE_REPLIES_MAX) return;
    const timer = this.#clock.schedule(REPLY_RETRY_MS, () => {
      this.#late.delete(timer);
      this.#answer(to, lane, envelope, tries);
    });
    this.#late.add(timer);
  }

  /** Fails everything that waits. */
  close(): void {
    for (const timer of this.#late) timer.cancel();
    this.#late.clear();
    for (const [correlation] of [...this.#waiting]) {
      this.#settle(
        correlation,
        undefined,
        new TroupeError('SHUTTING_DOWN', 'the node is leaving', { address: this.self.node }),
      );
    }
  }

  #receive(from: NodeRef, lane: Lane, envelope: Envelope): void | Promise<void> {
    if (envelope.to.charCodeAt(0) === ACTORS) return this.#actors?.(from, envelope);
    if (envelope.kind === 'reply')
      return this.#settle(envelope.correlation, envelope.payload, undefined, envelope.budget);
    if (envelope.kind === 'error') {
      const error =
        envelope.error === undefined
          ? new TroupeError('PROTOCOL_VIOLATION', 'an error without a code')
          : fromWireError(envelope.error);
      return this.#settle(envelope.correlation, undefined, error, envelope.budget);
    }
    if (envelope.to.startsWith('sys:')) return this.#serve(from, lane, envelope);
    return this.#agents?.(envelope);
  }

  async #serve(from: NodeRef, lane: Lane, envelope: Envelope): Promise<void> {
    const head = { to: '', correlation: envelope.correlation, method: '' } as const;
    let answer: Envelope;
    try {
      const service = this.#services.get(envelope.to);
      if (service === undefined)
        throw new TroupeError('UNKNOWN_MESSAGE', `no service ${envelope.to}`, { address: this.self.node });
      answer = { ...head, kind: 'reply', payload: await service(envelope.method, envelope.payload, from) };
    } catch (error) {
      answer = { ...head, kind: 'error', payload: NOTHING, error: toWireError(error) };
    }
    if (envelope.kind === 'ask') this.#answer(from, lane, answer, 0);
  }

  #lost(peer: NodeRef, reason: string): void {
    const key = nodeRefKey(peer);
    for (const [correlation, waiting] of this.#waiting) {
      if (waiting.peer === undefined || nodeRefKey(waiting.peer) !== key) continue;
      this.#settle(correlation, undefined, new TroupeError('NODE_UNAVAILABLE', reason, { address: peer.node }));
    }
  }

  #settle(correlation: number, reply: Uint8Array | undefined, error: TroupeError | undefined, spent?: Spending): void {
    const waiting = this.#waiting.get(correlation);
    if (waiting === undefined) return;
    this.forget(correlation);
    waiting.settle(reply, error, spent);
  }
}
