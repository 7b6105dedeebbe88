import type { Ref } from '../actor/index.ts';
import type { Actors, NodeActors } from '../cluster/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  type Clock,
  type Logger,
  type NodeRef,
  type Timer,
  type Tracer,
  TroupeError,
  traced,
} from '../core/index.ts';
import { type Amount, Budget } from '../model/index.ts';
import type { Envelope } from '../remote/index.ts';
import type { AgentContext, StepOptions, StepRun } from './context.ts';
import type { AgentDefinition, Protocol } from './define.ts';
import type { Delivery, Resident } from './delivery.ts';
import { type AgentRef, ASK_TIMEOUT_MS, type AskOptions, agentRef, type Host } from './host.ts';
import type { AgentMemory } from './memory.ts';
import type { AgentWatches } from './watches.ts';

/** What turns of all agents of a node have in common. */
export interface TurnHouse {
  readonly node: NodeRef;
  readonly host: Host;
  readonly actors: NodeActors;
  readonly watches: AgentWatches;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** What a turn is made of. */
export interface TurnParts<State> {
  readonly house: TurnHouse;
  readonly address: AgentAddress;
  /** The message. While its agent is being moved (`resident.stopping`) the turn stops before its next step. */
  readonly delivery: Pick<Delivery, 'requestId' | 'deadlineAt' | 'signal'> & {
    readonly envelope: Pick<Envelope, 'budget'>;
    readonly resident: Pick<Resident, 'stopping'>;
  };
  readonly traceparent: string | undefined;
  readonly state: State;
  readonly memory: AgentMemory;
  /** Its actor, whose signal fires when the activation ends. */
  readonly actor: { readonly signal: AbortSignal };
}

/** The processing of one message by an agent: its draft of the state, its steps, and what it asks of others. */
export class Turn<State> implements AgentContext<State> {
  readonly #parts: TurnParts<State>;
  /** Names given to steps, asks and ids so far. */
  #names: Set<string> | undefined;
  #state: State;
  #changed = false;
  #stepped = false;
  #stopped = false;
  #host: Host | undefined;
  #signal: AbortSignal | undefined;
  #deadline: Timer | undefined;
  #budget: Budget | undefined;

  constructor(parts: TurnParts<State>) {
    this.#parts = parts;
    this.#state = parts.state;
  }

  get address(): AgentAddress {
    return this.#parts.address;
  }

  get node(): NodeRef {
    return this.#parts.house.node;
  }

  get state(): State {
    return this.#state;
  }

  /** Made when somebody first asks for it: most turns are over before it could fire. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#parts.actor.signal, this.#parts.delivery.signal, this.#limit()]);
    return this.#signal;
  }

  #limit(): AbortSignal {
    const limit = new AbortController();
    const expire = (): void => limit.abort(new TroupeError('TIMEOUT', 'the deadline of the turn passed'));
    const leftMs = this.remainingMs();
    if (leftMs === 0) expire();
    else if (leftMs < Number.POSITIVE_INFINITY) this.#deadline = this.#parts.house.clock.schedule(leftMs, expire);
    return limit.signal;
  }

  /** The handler has settled: nothing of the turn waits for its deadline any more. */
  close(): void {
    this.#deadline?.cancel();
  }

  get requestId(): string {
    return this.#parts.delivery.requestId;
  }

  get log(): Logger {
    return this.#parts.house.logger;
  }

  get traceparent(): string | undefined {
    return this.#parts.traceparent;
  }

  get budget(): Budget {
    this.#budget ??= new Budget(this.#parts.delivery.envelope.budget ?? {});
    return this.#budget;
  }

  /** What the turn has spent of what it was given; undefined when it was given nothing, or spent nothing. */
  get spent(): Amount | undefined {
    const used = this.#parts.delivery.envelope.budget === undefined ? undefined : this.#budget?.used;
    return used === undefined || (used.tokens === 0 && used.costMicroUsd === 0) ? undefined : used;
  }

  /** The budget that its asks inherit. */
  get #given(): Budget | undefined {
    return this.#parts.delivery.envelope.budget === undefined ? undefined : this.budget;
  }

  /** Whether a step was refused as the agent is being moved: whatever the handler made of that, the turn isn't done. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether the turn did anything that must be remembered. */
  get durable(): boolean {
    return this.#changed || this.#stepped;
  }

  /** The new state, when it was set. */
  get changedState(): { readonly state: State } | undefined {
    return this.#changed ? { state: this.#state } : undefined;
  }

  setState(next: State): void {
    this.#state = next;
    this.#changed = true;
  }

  remainingMs(): number {
    return Math.max(0, this.#parts.delivery.deadlineAt - this.#parts.house.clock.monotonic());
  }

  async step<T>(name: string, fn: (run: StepRun) => T | Promise<T>, options: StepOptions = {}): Promise<T> {
    const { memory, house, traceparent, address, delivery } = this.#parts;
    const { requestId } = this;
    const { tracer } = house;
    const unique = this.#unique(name);
    const receipt = memory.step(requestId, unique);
    this.#stepped = true;
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': name,
      'troupe.step': unique,
    } as const;
    if (receipt?.done !== undefined) {
      const { value } = receipt.done;
      const replay = { parent: traceparent, attributes: { ...attributes, 'troupe.step.replayed': true } };
      return traced(tracer, 'execute_tool', replay, async () => value as T);
    }
    const where = `${agentAddressKey(address)} ${unique}`;
    if (receipt !== undefined && options.onUnknown === 'hold') {
      throw new TroupeError('STEP_UNKNOWN', `step "${unique}" began before a crash and its outcome is unknown`, {
        address: where,
      });
    }
    // A turn that must stop, stops here: between two effects.
    const { signal } = this;
    if (signal.aborted) throw asTroupeError(signal.reason, 'CANCELLED', { address: where });
    if (delivery.resident.stopping) {
      this.#stopped = true;
      throw new TroupeError('CANCELLED', 'the agent is being moved', { address: where });
    }
    const key = receipt?.key ?? options.idempotencyKey ?? `${agentAddressKey(address)}/${requestId}/${unique}`;
    if (receipt === undefined) await memory.stepStarted(requestId, unique, key);
    return traced(tracer, 'execute_tool', { parent: traceparent, attributes }, async (span) => {
      const value = await fn({
        idempotencyKey: key,
        retried: receipt !== undefined,
        signal,
        traceparent: span.traceparent ?? traceparent,
      });
      await memory.stepDone(requestId, unique, value);
      return value;
    });
  }

  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string): AgentRef<P> {
    return agentRef(this.host, definition, key);
  }

  get actors(): Actors {
    return this.#parts.house.actors;
  }

  watch(ref: Ref<never>, method: string): void {
    this.#parts.house.watches.watch(this.address, ref, method);
  }

  unwatch(ref: Ref<never>): void {
    this.#parts.house.watches.unwatch(this.address, ref);
  }

  /** The node's host, with this turn's deadline, cancellation and trace in all that it does. */
  get host(): Host {
    this.#host ??= this.#derive(this.#parts.house.host);
    return this.#host;
  }

  #derive(host: Host): Host {
    return {
      budget: this.#given,
      freshId: () => this.#idOf('id'),
      ask: (address, method, input, options) =>
        host.ask(address, method, input, this.#inherit(`ask:${agentAddressKey(address)}.${method}`, options)),
      tell: (address, method, input, requestId) =>
        host.tell(address, method, input, requestId ?? this.#idOf(`tell:${agentAddressKey(address)}.${method}`)),
      openDecision: (request, trace) =>
        host.openDecision(request, { traceparent: trace?.traceparent ?? this.traceparent }),
      closeDecision: (id) => host.closeDecision(id),
      decisionClosed: (id, signal) => host.decisionClosed(id, this.#withSignal(signal)),
      submitJob: (id, spec, items) =>
        host.submitJob(id, { ...spec, traceparent: spec.traceparent ?? this.traceparent }, items),
      cancelJob: (id) => host.cancelJob(id),
      watchJob: (id, signal) => host.watchJob(id, this.#withSignal(signal)),
    };
  }

  #inherit(name: string, options: AskOptions = {}): AskOptions {
    return {
      ...options,
      timeoutMs: Math.min(options.timeoutMs ?? ASK_TIMEOUT_MS, this.remainingMs()),
      signal: this.#withSignal(options.signal),
      requestId: options.requestId ?? this.#idOf(name),
      traceparent: options.traceparent ?? this.traceparent,
      budget: options.budget ?? this.#given,
    };
  }

  /** The same again when the turn runs again, so that what it asks and opens is recognised. */
  #idOf(name: string): string {
    return `${this.requestId}/${this.#unique(name)}`;
  }

  #withSignal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.signal : AbortSignal.any([signal, this.signal]);
  }

  #unique(name: string): string {
    this.#names ??= new Set();
    let unique = name;
    for (let count = 2; this.#names.has(unique); count++) unique = `${name}#${count}`;
    this.#names.add(unique);
    return unique;
  }
}
