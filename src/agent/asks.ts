import { agentTarget, askerName, type ClusterMap, type Peers, type Router } from '../cluster/index.ts';
import type { ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  type Clock,
  isTroupeError,
  type NodeRef,
  nodeRefKey,
  type Random,
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
  correlation: number;
  /** Lives that the message, or its answer, may be with: the owners of its shard since it was sent. */
  readonly trail: Set<string>;
  /** Epoch of the last of them. */
  epoch: number;
}

/**
 * Asks from this node to agents. An ask follows its agent: when a node that may have had it is gone before the answer came, the
 * same request goes to the present owner, which answers it once; only the deadline ends that.
 */
export class Asks {
  readonly #parts: AsksParts;
  readonly #open: Set<OpenAsk> = new Set();

  constructor(parts: AsksParts) {
    this.#parts = parts;
    parts.map.onChange((change) => {
      for (const shard of change.shards) this.#moved(shard);
      for (const node of change.nodes) if (node.state === 'down' || node.state === 'left') this.#gone(nodeRefKey(node));
    });
  }

  /**
   * @throws TroupeError TIMEOUT, CANCELLED, UNKNOWN_AGENT, or what the agent answered
   */
  ask(address: AgentAddress, method: string, input: unknown, options: AskOptions = {}): Promise<unknown> {
    const name = 'send';
    const attributes = { 'gen_ai.agent.name': address.kind, 'gen_ai.agent.id': address.key, 'troupe.message': method };
    return traced(this.#parts.tracer, name, { parent: options.traceparent, kind: 'producer', attributes }, (span) =>
      this.#send(address, method, input, { ...options, traceparent: span.traceparent ?? options.traceparent }),
    );
  }

  /** Sends at most once; resolves when it has left. */
  async tell(address: AgentAddress, method: string, input: unknown): Promise<void> {
    await this.#parts.router.send(address, {
      kind: 'tell',
      to: agentTarget(address),
      correlation: 0,
      method,
      payload: encodePayload(input),
      from: askerName(this.#parts.self),
    });
  }

  #send(address: AgentAddress, method: string, input: unknown, options: AskOptions): Promise<unknown> {
    const { clock, random, self } = this.#parts;
    const timeoutMs = options.timeoutMs ?? ASK_TIMEOUT_MS;
    const target = agentTarget(address);
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) return reject(cancelled(target));
      let timer: Timer | undefined;
      const settle = (value: unknown, error: TroupeError | undefined): void => {
        if (!this.#open.delete(ask)) return;
        timer?.cancel();
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
        trail: new Set(),
        epoch: 0,
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

  #dispatch(ask: OpenAsk): void {
    const { map, router, peers, clock } = this.#parts;
    if (!this.#open.has(ask)) return;
    peers.forget(ask.correlation);
    try {
      ask.correlation = peers.expect(undefined, Number.POSITIVE_INFINITY, (reply, error) =>
        this.#answered(ask, reply, error),
      );
      const shard = map.shardOf(ask.address.kind, ask.address.key);
      const record = shard === undefined ? undefined : map.shard(shard);
      ask.trail.clear();
      if (record?.owner !== undefined) ask.trail.add(nodeRefKey(record.owner));
      ask.epoch = record?.epoch ?? 0;
      const timeoutMs = Math.max(1, ask.deadlineAt - clock.monotonic());
      void router.send(ask.address, { ...ask.envelope, correlation: ask.correlation, timeoutMs });
    } catch (error) {
      if (!isTroupeError(error)) throw error;
      this.#answered(ask, undefined, error);
    }
  }

  #answered(ask: OpenAsk, reply: Uint8Array | undefined, error: TroupeError | undefined): void {
    if (error === undefined) ask.settle(decodePayload(reply as Uint8Array), undefined);
    else if (PASSING.has(error.code)) this.#parts.clock.schedule(RESEND_MS, () => this.#dispatch(ask));
    else ask.settle(undefined, error);
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

  /**
   * A shard has another owner: the message has moved along, or waited here for it. When owners were skipped (this node looked
   * away), it may have been lost with one of them and is sent again.
   */
  #moved(shard: ShardRecord): void {
    const { owner, epoch } = shard;
    if (owner === undefined) return;
    for (const ask of [...this.#open]) {
      const id = this.#parts.map.shardOf(ask.address.kind, ask.address.key);
      if (id?.group !== shard.group || id.shard !== shard.shard || epoch <= ask.epoch) continue;
      if (ask.trail.size > 0 && epoch > ask.epoch + 1) this.#dispatch(ask);
      else {
        ask.trail.add(nodeRefKey(owner));
        ask.epoch = epoch;
      }
    }
  }

  #gone(life: string): void {
    for (const ask of [...this.#open]) if (ask.trail.has(life)) this.#dispatch(ask);
  }
}

function cancelled(target: string): TroupeError {
  return new TroupeError('CANCELLED', 'the ask was taken back', { address: target });
}
