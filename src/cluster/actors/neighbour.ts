import type { Ask, EndReason } from '../../actor/index.ts';
import {
  asTroupeError,
  type Clock,
  fromWireError,
  isTroupeError,
  type NodeRef,
  nodeRefKey,
  TroupeError,
  toWireError,
  type WireError,
} from '../../core/index.ts';
import type { Envelope, Links } from '../../remote/index.ts';
import { EMPTY_PAYLOAD, encodePayload } from '../../wire/index.ts';
import { encodeTo, takeBackLent } from './codec.ts';
import { type Answerable, Borrowed, Loan } from './loans.ts';
import type { RemoteRef } from './remote-ref.ts';

/** Messages that wait for a node which this one hasn't heard of yet, or for a full lane behind news of actors. */
const HELD_MESSAGES_MAX = 1_000;
/** Their payloads together, bytes. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;

/** Receiver of what is for a node's actors as a whole: answers, and asks that are taken back. */
export const HERE = '#';

/**
 * What this node knows of a life of another: `unknown`, it has spoken, and this node's view of the cluster lags; `up`; `over`
 * for good.
 */
export type LifeState = 'unknown' | 'up' | 'over';

/** What a neighbour is made of. */
export interface NeighbourParts {
  readonly links: Links;
  readonly clock: Clock;
  /** Makes the ref of one of its actors. */
  makeRef(neighbour: Neighbour, to: string, path: string): RemoteRef<unknown>;
  /** Decodes an answer. */
  decode(neighbour: Neighbour, payload: Uint8Array): unknown;
  /** Messages to its actors that won't arrive, oldest first. */
  undelivered(neighbour: Neighbour, envelopes: readonly Envelope[]): void;
}

/**
 * One life of another node, as far as actors are concerned: refs of its actors, and what is open between the two. Everything
 * goes over the lane `user`, so what one node sends to another arrives in order: messages, news of actors, subscriptions.
 */
export class Neighbour {
  readonly life: NodeRef;
  /** `node-1#42` */
  readonly key: string;
  state: LifeState = 'unknown';
  /** What this node has let to it, by number. */
  readonly loans: Map<number, Loan> = new Map();
  /** What it has let to this node: asks that actors here are to answer. */
  readonly borrowed: Map<number, Ask | Borrowed> = new Map();
  readonly #parts: NeighbourParts;
  readonly #refs: Map<string, WeakRef<RemoteRef<unknown>>> = new Map();
  readonly #collected: FinalizationRegistry<string>;
  /** Those that are watched: they must not be collected. */
  readonly #watched: Map<string, RemoteRef<unknown>> = new Map();
  #lastLoan = 0;
  /** What waits for the way to it, in order. News have a key, so that newer news take their place. */
  readonly #held: Map<string | Envelope, Envelope> = new Map();
  #heldBytes = 0;
  /** Resolves when its state isn't `unknown` any more. */
  readonly #known: PromiseWithResolvers<void> = Promise.withResolvers();
  #room: Promise<void> | undefined;
  #lost: TroupeError | undefined;

  constructor(life: NodeRef, parts: NeighbourParts) {
    this.life = life;
    this.key = nodeRefKey(life);
    this.#parts = parts;
    this.#collected = new FinalizationRegistry((to) => {
      if (this.#refs.get(to)?.deref() === undefined) this.#refs.delete(to);
    });
  }

  /** Whether it may be forgotten: nobody holds a ref of its actors. */
  get idle(): boolean {
    return this.#refs.size === 0;
  }

  /** The ref of one of its actors: one and the same while somebody holds it. */
  ref(to: string, path: string): RemoteRef<unknown> {
    const known = this.#refs.get(to)?.deref();
    if (known !== undefined) return known;
    const ref = this.#parts.makeRef(this, to, path);
    this.#refs.set(to, new WeakRef(ref));
    this.#collected.register(ref, to);
    if (this.#lost !== undefined) ref.end('lost', this.#lost);
    return ref;
  }

  /** What is left until a deadline of this node's clock, whole ms. */
  leftMs(deadline: number): number {
    return Math.max(0, Math.ceil(deadline - this.#parts.clock.monotonic()));
  }

  // --- the way there ------------------------------------------------------------------------------------------------

  /** Its view has come: it lives. */
  up(): void {
    if (this.state !== 'unknown') return;
    this.state = 'up';
    this.#flush();
    this.#known.resolve();
  }

  /** Its life is over: its actors are lost, what they were asked fails, and what they asked needs no answer. */
  lose(reason: string): void {
    if (this.state === 'over') return;
    this.state = 'over';
    const lost = new TroupeError('NODE_UNAVAILABLE', reason, { address: this.life.node });
    this.#lost = lost;
    const undelivered = [...this.#held].flatMap(([key, envelope]) => (key === envelope ? [envelope] : []));
    this.#held.clear();
    this.#heldBytes = 0;
    const loans = [...this.loans.values()];
    this.loans.clear();
    for (const { ask, own } of loans) if (own) ask.giveUp(lost);
    for (const ask of [...this.borrowed.values()]) ask.giveUp(lost);
    this.borrowed.clear();
    for (const ref of this.#refs.values()) ref.deref()?.end('lost', lost);
    this.#watched.clear();
    this.#known.resolve();
    if (undelivered.length > 0) this.#parts.undelivered(this, undelivered);
  }

  /** Set while the way there is full; resolves when it may have room. */
  get room(): Promise<void> | undefined {
    return this.state === 'unknown' ? this.#known.promise : this.#room;
  }

  /**
   * Sends a message.
   * @param askers with an ask: the asks above it
   * @throws TroupeError NODE_UNAVAILABLE, OVERLOADED, MESSAGE_TOO_LARGE
   */
  post(
    kind: Envelope['kind'],
    to: string,
    correlation: number,
    payload: Uint8Array,
    timeoutMs: number | undefined,
    method = '',
    askers?: readonly string[],
  ): void {
    const sinceMs = timeoutMs === undefined ? undefined : this.#parts.clock.monotonic();
    const envelope: Envelope = { kind, to, correlation, method, payload, timeoutMs, sinceMs, askers };
    if (this.state === 'up' && this.#held.size === 0) {
      if (!this.#parts.links.send(this.life, 'user', envelope)) this.#full();
      return;
    }
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#held.size >= HELD_MESSAGES_MAX || this.#heldBytes + payload.byteLength > HELD_BYTES_MAX) {
      throw new TroupeError('OVERLOADED', `too much waits for ${this.key}`, { address: this.life.node });
    }
    this.#hold(envelope, envelope);
  }

  /**
   * Sends news: they are never refused, and wait when the lane is full. There are only so many: each speaks of something that
   * is bounded itself.
   *
   * @param key what they are about; of two that wait, the newer is sent
   */
  tell(key: string, envelope: Envelope): void {
    if (this.state === 'over') return;
    if (this.state === 'up' && this.#held.size === 0 && this.#sent(envelope)) return;
    this.#hold(key, envelope);
  }

  #hold(key: string | Envelope, envelope: Envelope): void {
    const earlier = this.#held.get(key);
    if (earlier !== undefined && this.#held.delete(key)) this.#heldBytes -= earlier.payload.byteLength;
    this.#held.set(key, envelope);
    this.#heldBytes += envelope.payload.byteLength;
  }

  /** @returns false when there is no room */
  #sent(envelope: Envelope): boolean {
    try {
      if (!this.#parts.links.send(this.life, 'user', envelope)) this.#full();
    } catch (error) {
      if (isTroupeError(error, 'OVERLOADED')) {
        this.#full();
        return false;
      }
      this.#unsent(envelope, asTroupeError(error, 'NODE_UNAVAILABLE'));
    }
    return true;
  }

  /** A message that had waited, or news, can't go: it is too large, or either node is leaving. */
  #unsent(envelope: Envelope, error: TroupeError): void {
    const loan = envelope.kind === 'ask' ? this.loans.get(envelope.correlation) : undefined;
    if (loan !== undefined && this.loans.delete(loan.correlation)) loan.ask.giveUp(error);
    this.#parts.undelivered(this, [envelope]);
  }

  #full(): void {
    this.#room ??= this.#parts.links.writable(this.life, 'user').then(() => {
      this.#room = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.state !== 'up') return;
    for (const [key, envelope] of this.#held) {
      if (!this.#sent(envelope)) return;
      this.#held.delete(key);
      this.#heldBytes -= envelope.payload.byteLength;
    }
  }

  // --- asks ---------------------------------------------------------------------------------------------------------

  /** Lets it fill the place for an answer. @param own the ask came with the very message to its actor */
  lend(ask: Answerable, own: boolean): Loan {
    const loan = new Loan(this, ++this.#lastLoan, ask, own);
    this.loans.set(loan.correlation, loan);
    return loan;
  }

  /** The ask has ended otherwise. */
  takeBack({ correlation }: Loan): void {
    if (!this.loans.delete(correlation)) return;
    this.tell(`c${correlation}`, { kind: 'cancel', to: HERE, correlation, method: '', payload: EMPTY_PAYLOAD });
  }

  /** It has answered, or refused to. */
  answered({ kind, correlation, payload, error }: Envelope): void {
    const loan = this.loans.get(correlation);
    if (loan === undefined) return;
    this.loans.delete(correlation);
    try {
      if (kind === 'reply') loan.ask.tell(this.#parts.decode(this, payload));
      else
        loan.ask.fail(error === undefined ? new TroupeError('PROTOCOL_VIOLATION', 'no error') : fromWireError(error));
    } catch (failure) {
      loan.ask.fail(failure);
    }
  }

  /** It has let a place for an answer to this node. */
  borrow(correlation: number, leftMs: number): Borrowed {
    const borrowed = new Borrowed(this, correlation, this.#parts.clock.monotonic() + leftMs);
    this.borrowed.set(correlation, borrowed);
    return borrowed;
  }

  /** Its asker no longer waits. */
  takenBack(correlation: number): void {
    const ask = this.borrowed.get(correlation);
    if (ask === undefined) return;
    this.borrowed.delete(correlation);
    ask.giveUp(new TroupeError('CANCELLED', 'the asker no longer waits', { address: this.life.node }));
  }

  /** Answers its ask. */
  answer(correlation: number, reply: unknown): void {
    try {
      this.post('reply', HERE, correlation, encodeTo(this, undefined, reply), undefined);
    } catch (error) {
      takeBackLent(this);
      this.refuse(correlation, error);
    }
  }

  /** Answers its ask with an error. */
  refuse(correlation: number, error: unknown): void {
    const head = { kind: 'error', to: HERE, correlation, method: '', payload: EMPTY_PAYLOAD } as const;
    this.tell(`c${correlation}`, { ...head, error: toWireError(error) });
  }

  // --- watching -----------------------------------------------------------------------------------------------------

  /** Wants to hear of the end of one of its actors, or not any more. */
  watch(ref: RemoteRef<unknown>, wanted: boolean): void {
    if (wanted) this.#watched.set(ref.to, ref);
    else this.#watched.delete(ref.to);
    const method = wanted ? 'watch' : 'unwatch';
    this.tell(`w${ref.to}`, { kind: 'tell', to: ref.to, correlation: 0, method, payload: EMPTY_PAYLOAD });
  }

  /** One of its actors has ended. */
  ended(to: string, [reason, error]: EndNews): void {
    this.#watched.delete(to);
    this.#refs
      .get(to)
      ?.deref()
      ?.end(reason, error === undefined ? undefined : fromWireError(error));
  }

  /** Tells it that an actor of this node has ended. */
  tellEnd(to: string, news: EndNews): void {
    this.tell(`e${to}`, { kind: 'tell', to, correlation: 0, method: 'ended', payload: encodePayload(news) });
  }
}

/** How an actor has ended, as nodes tell each other. */
export type EndNews = readonly [reason: EndReason, error?: WireError | undefined];
