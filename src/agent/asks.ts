import {
  agentTarget,
  askerName,
  type ClusterMap,
  type NodeActors,
  type Peers,
  type Router,
  type ViewChange,
} from '../cluster/index.ts';
import type { ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  asTroupeError,
  type Clock,
  handBack,
  isTroupeError,
  type NodeRef,
  Quota,
  type QuotaLimits,
  type Random,
  sampled,
  shardKey,
  type Tracer,
  TroupeError,
  traced,
  withoutMessage,
} from '../core/index.ts';
import type { Amount } from '../model/index.ts';
import type { Envelope, Spending } from '../remote/index.ts';
import { encodePayload } from '../wire/index.ts';
import type { AskingTurn } from './delivery.ts';
import { ASK_TIMEOUT_MS, type AskOptions } from './host.ts';
import { OpenAsk, OpenAsks } from './open-asks.ts';

/** Pause before an ask that was refused for a passing reason is sent again, ms. */
const RESEND_MS = 50;
/** The longest time limit that a timer can have, ms. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** Asks of a node that may be open at a time. Each takes about 1.4 kB beside its message. */
export const OPEN_ASKS_MAX = 500_000;
/** Their messages together, bytes: they are kept to be sent again. */
export const OPEN_ASK_BYTES_MAX: number = 64 * 1024 * 1024;
/** Refusals that say only that the agent is elsewhere now, or will be. */
const PASSING: ReadonlySet<string> = new Set(['NODE_UNAVAILABLE', 'NOT_OWNER', 'SHUTTING_DOWN']);

/** How a turn asks. */
export interface TurnAskOptions extends AskOptions {
  /** The message whose turn asks. */
  readonly asker?: AskingTurn | undefined;
}

/** What asks are made of. */
export interface AsksParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly router: Router;
  readonly peers: Peers;
  readonly actors: NodeActors;
  readonly clock: Clock;
  readonly random: Random;
  readonly tracer: Tracer;
  /** How much may be open. Default OPEN_ASKS_MAX and OPEN_ASK_BYTES_MAX. */
  readonly limits?: QuotaLimits;
}

/** The asks that one signal takes back. */
interface SignalAsks {
  readonly asks: Set<OpenAsk>;
  readonly onAbort: () => void;
}

/**
 * Asks from this node to agents. An ask follows its agent: when a node that may have had it is gone before the answer came, the
 * same request goes to the present owner, which answers it once; only the deadline ends that.
 */
export class Asks {
  readonly #parts: AsksParts;
  readonly #open: OpenAsks;
  readonly #quota: Quota;
  /** Asks by the signal that takes them back: a signal with many asks has one listener. */
  readonly #bySignal: Map<AbortSignal, SignalAsks> = new Map();
  readonly #from: string;
  /** Begins each request id of this life; a number follows. */
  readonly #idPrefix: string;
  #ids = 0;
  #closed = false;
  /** The ask that is being sent for the first time: what is refused meanwhile, nobody has. */
  #sending: OpenAsk | undefined;

  constructor(parts: AsksParts) {
    this.#parts = parts;
    this.#from = askerName(parts.self);
    this.#idPrefix = parts.random.id(16);
    this.#open = new OpenAsks(parts.clock, (ask) => this.#expire(ask));
    const limits = parts.limits ?? { countMax: OPEN_ASKS_MAX, bytesMax: OPEN_ASK_BYTES_MAX };
    this.#quota = new Quota('asks of this node are open', limits);
    parts.map.onChange((change) => {
      if (this.#open.size > 0) this.#changed(change);
    });
  }

  /** Asks that wait for their answer. */
  get open(): number {
    return this.#quota.count;
  }

  /** What they carry, bytes. */
  get openBytes(): number {
    return this.#quota.bytes;
  }

  /** Fails every ask: this life of the node is over. */
  close(): void {
    this.#closed = true;
    for (const ask of [...this.#open]) this.#settle(ask, undefined, this.#leaving(ask.envelope.to));
  }

  /**
   * Asks an agent.
   * @throws TroupeError TIMEOUT, CANCELLED, UNKNOWN_AGENT, SHUTTING_DOWN when this node leaves, ASK_CYCLE, OVERLOADED when too much is
   *   open already, or what the agent answered. Of what was refused on this node the error's `undelivered` has method and input
   */
  ask(address: AgentAddress, method: string, input: unknown, options: TurnAskOptions = {}): Promise<unknown> {
    const { tracer } = this.#parts;
    const parent = sampled(options.traceparent);
    if (!tracer.enabled || parent === undefined) return this.#send(address, method, input, options, parent);
    const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key, 'troupe.message': method };
    return traced(tracer, 'send', { parent, kind: 'producer', attributes }, (span) =>
      this.#send(address, method, input, options, span.traceparent ?? parent),
    );
  }

  /** Sends at most once; resolves when it has left. @param requestId the same id again is the same message again */
  async tell(address: AgentAddress, method: string, input: unknown, requestId?: string): Promise<void> {
    await this.#parts.router.send(address, {
      kind: 'tell',
      to: agentTarget(address),
      correlation: 0,
      method,
      payload: encodePayload(input),
      from: this.#from,
      requestId: requestId ?? this.#freshId(),
    });
  }

  #freshId(): string {
    return `${this.#idPrefix}${(++this.#ids).toString(36)}`;
  }

  #send(
    address: AgentAddress,
    method: string,
    input: unknown,
    options: TurnAskOptions,
    traceparent: string | undefined,
  ): Promise<unknown> {
    const { signal, requestId, asker } = options;
    const timeoutMs = Math.min(options.timeoutMs ?? ASK_TIMEOUT_MS, TIMEOUT_MS_MAX);
    const to = agentTarget(address);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(to));
      if (this.#closed) return reject(this.#leaving(to));
      const payload = encodePayload(input);
      try {
        this.#quota.enter(payload.byteLength);
      } catch (error) {
        return reject(handBack(error as TroupeError, { method, input }));
      }
      const loan = options.budget?.lend();
      const now = this.#parts.clock.monotonic();
      const envelope: Envelope = {
        kind: 'ask',
        to,
        correlation: 0,
        method,
        payload,
        from: this.#from,
        requestId: requestId ?? this.#freshId(),
        traceparent,
        timeoutMs,
        sinceMs: now,
        budget: loan?.limit,
        epoch: undefined,
        askers: asker?.chain,
      };
      const ask = new OpenAsk(this.#answered, address, envelope, now, timeoutMs, signal, loan, asker, resolve, reject);
      this.#open.add(ask);
      if (signal !== undefined) this.#takeBackOn(signal, ask);
      this.#sending = ask;
      this.#dispatch(ask);
      this.#sending = undefined;
    });
  }

  #expire(ask: OpenAsk): void {
    const { to, method } = ask.envelope;
    const message = `no reply to "${method}" within ${Math.round(ask.timeoutMs)} ms`;
    this.#cancel(ask);
    this.#settle(ask, undefined, new TroupeError('TIMEOUT', message, { address: to }));
  }

  /** @param spent on it; undefined when nobody knows */
  #settle(ask: OpenAsk, value: unknown, error: TroupeError | undefined, spent?: Amount): void {
    if (!this.#open.remove(ask)) return;
    this.#quota.leave(ask.envelope.payload.byteLength);
    ask.loan?.settle(spent);
    ask.resend?.cancel();
    if (ask.signal !== undefined) this.#forgetSignal(ask.signal, ask);
    this.#parts.peers.forget(ask.correlation);
    if (error === undefined) ask.resolve(value);
    else ask.reject(this.#sending === ask ? this.#handBack(error, ask.envelope) : withoutMessage(error));
  }

  #handBack(error: TroupeError, { method, payload }: Envelope): TroupeError {
    return handBack(error, { method, input: this.#parts.actors.decode(payload) });
  }

  #takeBackOn(signal: AbortSignal, ask: OpenAsk): void {
    let known = this.#bySignal.get(signal);
    if (known === undefined) {
      const asks = new Set<OpenAsk>();
      const onAbort = (): void => {
        for (const each of [...asks]) {
          this.#cancel(each);
          this.#settle(each, undefined, cancelled(each.envelope.to));
        }
      };
      signal.addEventListener('abort', onAbort, { once: true });
      known = { asks, onAbort };
      this.#bySignal.set(signal, known);
    }
    known.asks.add(ask);
  }

  #forgetSignal(signal: AbortSignal, ask: OpenAsk): void {
    const known = this.#bySignal.get(signal);
    known?.asks.delete(ask);
    if (known === undefined || known.asks.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', known.onAbort);
  }

  /** Sends it, or sends it again: under the same correlation, so that an agent that has it knows the asker. */
  #dispatch(ask: OpenAsk): void {
    const { map, router, peers } = this.#parts;
    ask.resend?.cancel();
    try {
      if (ask.correlation === 0) ask.correlation = peers.wait(ask);
      ask.shard = map.shardOf(ask.address.kind, ask.address.key);
      const record = ask.shard === undefined ? undefined : map.shard(ask.shard);
      ask.sentTo = record?.owner;
      ask.movedTo = undefined;
      ask.epoch = record?.epoch ?? 0;
      void router.send(ask.address, { ...ask.envelope, correlation: ask.correlation });
    } catch (error) {
      this.#settle(ask, undefined, asTroupeError(error, 'INVARIANT_VIOLATED'));
    }
  }

  readonly #answered = (
    ask: OpenAsk,
    reply: Uint8Array | undefined,
    error: TroupeError | undefined,
    told: Spending | undefined,
  ): void => {
    ask.correlation = 0;
    if (error !== undefined && PASSING.has(error.code)) {
      ask.resend = this.#parts.clock.schedule(RESEND_MS, () => this.#dispatch(ask));
      return;
    }
    // Who answers and says nothing of it has spent nothing.
    const spent = { tokens: 0, costMicroUsd: 0, ...told };
    try {
      if (error !== undefined) throw error;
      this.#settle(ask, this.#parts.actors.decode(reply as Uint8Array), undefined, spent);
    } catch (failure) {
      this.#settle(ask, undefined, asTroupeError(failure, 'PROTOCOL_VIOLATION'), spent);
    }
  };

  #cancel(ask: OpenAsk): void {
    try {
      void this.#parts.router.send(ask.address, {
        ...ask.envelope,
        kind: 'cancel',
        correlation: ask.correlation,
        payload: encodePayload(undefined),
        timeoutMs: undefined,
        sinceMs: undefined,
        askers: undefined,
      });
    } catch (error) {
      if (!isTroupeError(error)) throw error;
    }
  }

  /** One pass over the open asks, however many shards and nodes have changed. */
  #changed({ shards, nodes }: ViewChange): void {
    const moved = Map.groupBy(shards, shardKey);
    const gone = nodes.filter(({ state }) => state === 'down' || state === 'left');
    for (const ask of [...this.#open]) {
      const own = ask.shard === undefined ? undefined : moved.get(shardKey(ask.shard));
      for (const shard of own ?? []) this.#moved(ask, shard);
      if (ask.mayBeWith(gone)) this.#dispatch(ask);
    }
  }

  /**
   * A shard has another owner: the message has moved along, or waited here for it. When owners were skipped (this node looked
   * away), it may have been lost with one of them and is sent again.
   */
  #moved(ask: OpenAsk, { owner, epoch }: ShardRecord): void {
    if (owner === undefined || epoch <= ask.epoch) return;
    const sent = ask.sentTo !== undefined;
    if (sent && epoch > ask.epoch + 1) {
      this.#dispatch(ask);
      return;
    }
    ask.epoch = epoch;
    if (!sent) ask.sentTo = owner;
    else {
      ask.movedTo ??= [];
      ask.movedTo.push(owner);
    }
  }

  #leaving(target: string): TroupeError {
    return new TroupeError('SHUTTING_DOWN', `node ${this.#parts.self.node} is leaving`, { address: target });
  }
}

function cancelled(target: string): TroupeError {
  return new TroupeError('CANCELLED', 'the ask was taken back', { address: target });
}
