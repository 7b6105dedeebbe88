import { agentTarget, askerName, type ClusterMap, type Peers, type Router, type ViewChange } from '../cluster/index.ts';
import type { ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  asTroupeError,
  type Clock,
  isTroupeError,
  type NodeRef,
  nodeRefKey,
  type Random,
  shardKey,
  type Timer,
  type Tracer,
  TroupeError,
  traced,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import { ASK_TIMEOUT_MS, type AskOptions } from './host.ts';

/** Pause before an ask that was refused for a passing reason is sent again, ms. */
const RESEND_MS = 50;
/** The longest time limit that a timer can have, ms. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** Refusals that say only that the agent is elsewhere now, or will be. */
const PASSING: ReadonlySet<string> = new Set(['NODE_UNAVAILABLE', 'NOT_OWNER', 'SHUTTING_DOWN']);

/** What asks are made of. */
export interface AsksParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly router: Router;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly tracer: Tracer;
}

interface OpenAsk {
  readonly address: AgentAddress;
  readonly envelope: Envelope;
  readonly deadlineAt: number;
  readonly settle: (value: unknown, error: TroupeError | undefined) => void;
  /** Where the reply comes in; 0 while none is awaited. */
  correlation: number;
  /** Its shard's key. */
  shard: string;
  /** Lives that the message, or its answer, may be with: the owners of its shard since it was sent. */
  readonly trail: Set<string>;
  /** Epoch of the last of them. */
  epoch: number;
  resend: Timer | undefined;
}

/**
 * Asks from this node to agents. An ask follows its agent: when a node that may have had it is gone before the answer came, the
 * same request goes to the present owner, which answers it once; only the deadline ends that.
 */
export class Asks {
  readonly #parts: AsksParts;
  readonly #open: Set<OpenAsk> = new Set();

  #closed = false;

  constructor(parts: AsksParts) {
    this.#parts = parts;
    parts.map.onChange((change) => {
      if (this.#open.size > 0) this.#changed(change);
    });
  }

  /** Fails every ask: this life of the node is over. */
  close(): void {
    this.#closed = true;
    for (const ask of [...this.#open]) ask.settle(undefined, this.#leaving(ask.envelope.to));
  }

  /**
   * Asks an agent.
   * @throws TroupeError TIMEOUT, CANCELLED, UNKNOWN_AGENT, SHUTTING_DOWN when this node leaves, or what the agent answered
   */
  ask(address: AgentAddress, method: string, input: unknown, options: AskOptions = {}): Promise<unknown> {
    const name = 'send';
    const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key, 'troupe.message': method };
    return traced(this.#parts.tracer, name, { parent: options.traceparent, kind: 'producer', attributes }, (span) =>
      this.#send(address, method, input, { ...options, traceparent: span.traceparent ?? options.traceparent }),
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
      from: askerName(this.#parts.self),
      requestId: requestId ?? this.#parts.random.id(16),
    });
  }

  #send(address: AgentAddress, method: string, input: unknown, options: AskOptions): Promise<unknown> {
    const { clock, random, self } = this.#parts;
    const timeoutMs = Math.min(options.timeoutMs ?? ASK_TIMEOUT_MS, TIMEOUT_MS_MAX);
    const target = agentTarget(address);
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) return reject(cancelled(target));
      if (this.#closed) return reject(this.#leaving(target));
      let timer: Timer | undefined;
      const settle = (value: unknown, error: TroupeError | undefined): void => {
        if (!this.#open.delete(ask)) return;
        timer?.cancel();
        ask.resend?.cancel();
        options.signal?.removeEventListener('abort', onAbort);
        this.#parts.peers.forget(ask.correlation);
        if (error === undefined) resolve(value);
        else reject(error);
      };
      const onAbort = (): void => {
        this.#cancel(ask);
        settle(undefined, cancelled(target));
      };
      const ask: OpenAsk = {
        address,
        deadlineAt: clock.monotonic() + timeoutMs,
        settle,
        correlation: 0,
        shard: '',
        trail: new Set(),
        epoch: 0,
        resend: undefined,
        envelope: {
          kind: 'ask',
          to: target,
          correlation: 0,
          method,
          payload: encodePayload(input),
          from: askerName(self),
          requestId: options.requestId ?? random.id(16),
          traceparent: options.traceparent,
        },
      };
      this.#open.add(ask);
      timer = clock.schedule(timeoutMs, () => {
        this.#cancel(ask);
        settle(
          undefined,
          new TroupeError('TIMEOUT', `no reply to "${method}" within ${Math.round(timeoutMs)} ms`, { address: target }),
        );
      });
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#dispatch(ask);
    });
  }

  /** Sends it, or sends it again: under the same correlation, so that an agent that has it knows the asker. */
  #dispatch(ask: OpenAsk): void {
    const { map, router, peers, clock } = this.#parts;
    ask.resend?.cancel();
    try {
      if (ask.correlation === 0) {
        ask.correlation = peers.expect(undefined, Number.POSITIVE_INFINITY, (reply, error) =>
          this.#answered(ask, reply, error),
        );
      }
      const shard = map.shardOf(ask.address.kind, ask.address.key);
      const record = shard === undefined ? undefined : map.shard(shard);
      ask.shard = shard === undefined ? '' : shardKey(shard);
      ask.trail.clear();
      if (record?.owner !== undefined) ask.trail.add(nodeRefKey(record.owner));
      ask.epoch = record?.epoch ?? 0;
      const timeoutMs = Math.max(1, ask.deadlineAt - clock.monotonic());
      void router.send(ask.address, { ...ask.envelope, correlation: ask.correlation, timeoutMs });
    } catch (error) {
      ask.settle(undefined, asTroupeError(error, 'INVARIANT_VIOLATED'));
    }
  }

  #answered(ask: OpenAsk, reply: Uint8Array | undefined, error: TroupeError | undefined): void {
    ask.correlation = 0;
    if (error !== undefined && PASSING.has(error.code)) {
      ask.resend = this.#parts.clock.schedule(RESEND_MS, () => this.#dispatch(ask));
      return;
    }
    try {
      if (error !== undefined) throw error;
      ask.settle(decodePayload(reply as Uint8Array), undefined);
    } catch (failure) {
      ask.settle(undefined, asTroupeError(failure, 'PROTOCOL_VIOLATION'));
    }
  }

  #cancel(ask: OpenAsk): void {
    try {
      void this.#parts.router.send(ask.address, {
        ...ask.envelope,
        kind: 'cancel',
        correlation: ask.correlation,
        payload: encodePayload(undefined),
      });
    } catch (error) {
      if (!isTroupeError(error)) throw error;
    }
  }

  /** One pass over the open asks, however many shards and nodes have changed. */
  #changed({ shards, nodes }: ViewChange): void {
    const moved = Map.groupBy(shards, shardKey);
    const gone = nodes.filter(({ state }) => state === 'down' || state === 'left').map(nodeRefKey);
    for (const ask of [...this.#open]) {
      for (const shard of moved.get(ask.shard) ?? []) this.#moved(ask, shard);
      if (gone.some((life) => ask.trail.has(life))) this.#dispatch(ask);
    }
  }

  /**
   * A shard has another owner: the message has moved along, or waited here for it. When owners were skipped (this node looked
   * away), it may have been lost with one of them and is sent again.
   */
  #moved(ask: OpenAsk, { owner, epoch }: ShardRecord): void {
    if (owner === undefined || epoch <= ask.epoch) return;
    if (ask.trail.size > 0 && epoch > ask.epoch + 1) this.#dispatch(ask);
    else {
      ask.trail.add(nodeRefKey(owner));
      ask.epoch = epoch;
    }
  }

  #leaving(target: string): TroupeError {
    return new TroupeError('SHUTTING_DOWN', `node ${this.#parts.self.node} is leaving`, { address: target });
  }
}

function cancelled(target: string): TroupeError {
  return new TroupeError('CANCELLED', 'the ask was taken back', { address: target });
}
