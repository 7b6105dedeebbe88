import type { Ref } from '../actor/index.ts';
import type { Actors, NodeActors } from '../cluster/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  asTroupeError,
  type Clock,
  fromWireError,
  type Logger,
  type NodeRef,
  type Tracer,
  TroupeError,
  toWireError,
  traced,
} from '../core/index.ts';
import { type Amount, Budget } from '../model/index.ts';
import { encodePayload } from '../wire/index.ts';
import type { AgentContext, Reconcile, StepFinding, StepFunction, StepOptions } from './context.ts';
import type { AgentDefinition, Protocol } from './define.ts';
import type { AskingTurn, Delivery } from './delivery.ts';
import { TurnDraft, type TurnEffects } from './draft.ts';
import type { StepReceipt } from './folded.ts';
import { HELD_PER_AGENT_MAX, type HeldMessage, type HeldTurns, heldError } from './held.ts';
import { type AgentHistory, type HistoryChange, TurnHistory } from './history.ts';
import { type AgentRef, agentRef, type Host } from './host.ts';
import type { JournalFailure } from './journal.ts';
import type { AgentMemory } from './memory.ts';
import { findOut, leavesUnknown } from './outcome.ts';
import { Replay } from './replay.ts';
import type { Resident } from './resident.ts';
import type { AgentSubscriptions } from './subscriptions.ts';
import { turnHost } from './turn-host.ts';
import { TurnSignal } from './turn-signal.ts';
import type { AgentWatches } from './watches.ts';

const NO_OPTIONS: StepOptions = {};

/** A step that is to run. */
interface Step<T> {
  readonly name: string;
  readonly key: string;
  readonly receipt: StepReceipt | undefined;
  readonly options: StepOptions<T>;
  readonly fn: StepFunction<T>;
}

/** What turns of all agents of a node have in common. */
export interface TurnHouse {
  readonly node: NodeRef;
  readonly host: Host;
  readonly actors: NodeActors;
  readonly watches: AgentWatches;
  readonly subscriptions: AgentSubscriptions;
  readonly held: HeldTurns;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** What a turn is made of. */
export interface TurnParts<State> {
  readonly house: TurnHouse;
  readonly address: AgentAddress;
  /** The message. While its agent is being moved (`resident.stopping`) the turn stops before its next step. */
  readonly delivery: Pick<Delivery, 'deadlineAt' | 'signal' | 'cancelledBy'> &
    AskingTurn & {
      readonly resident: Pick<Resident, 'stopping'>;
    };
  /** What the turn answers. */
  readonly requestId: string;
  /** What it says; not the delivery's own when a turn goes on that was held. */
  readonly message: HeldMessage;
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
  /** Why no further step may begin, and the turn isn't done. */
  #halt: TroupeError | undefined;
  #over = false;
  /** Steps under way, and who waits for them to end. */
  #running = 0;
  #idle: (() => void) | undefined;
  /** Null before anybody looked. */
  #replay: Replay | undefined | null = null;
  #host: Host | undefined;
  readonly #stop: TurnSignal;
  #budget: Budget | undefined;
  #draft: TurnDraft | undefined;
  #history: TurnHistory | undefined;

  constructor(parts: TurnParts<State>) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#stop = new TurnSignal(parts.actor, parts.delivery, parts.house.clock);
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

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Nothing of the turn waits for its deadline any more. */
  close(): void {
    this.#stop.close();
  }

  get requestId(): string {
    return this.#parts.requestId;
  }

  get log(): Logger {
    return this.#parts.house.logger;
  }

  get traceparent(): string | undefined {
    return this.#parts.traceparent;
  }

  get budget(): Budget {
    this.#budget ??= new Budget(this.#parts.message.budget ?? {});
    return this.#budget;
  }

  /** What the turn has spent of what it was given; undefined when it was given nothing, or spent nothing. */
  get spent(): Amount | undefined {
    const used = this.#parts.message.budget === undefined ? undefined : this.#budget?.used;
    return used === undefined || (used.tokens === 0 && used.costMicroUsd === 0) ? undefined : used;
  }

  /** The budget that its asks inherit. */
  get #given(): Budget | undefined {
    return this.#parts.message.budget === undefined ? undefined : this.budget;
  }

  /** Whether the turn did anything that must be remembered. */
  get durable(): boolean {
    return this.#changed || this.#stepped || this.#draft !== undefined || this.historyChange !== undefined;
  }

  /** The new state, when it was set. */
  get changedState(): { readonly state: State } | undefined {
    return this.#changed ? { state: this.#state } : undefined;
  }

  /** What it has sent and planned. */
  get effects(): TurnEffects | undefined {
    return this.#draft;
  }

  /** What it does to the history. */
  get historyChange(): HistoryChange | undefined {
    return this.#history?.change;
  }

  get history(): AgentHistory {
    const { memory } = this.#parts;
    const { historyRange } = memory;
    if (historyRange === undefined) throw this.#wouldNotLast('a history');
    this.#history ??= new TurnHistory(historyRange, (from, limit) => this.#beside(memory.historyPage(from, limit)));
    return this.#history;
  }

  after(name: string, delayMs: number, method: string, input: unknown): void {
    this.#drafting(`timer "${name}"`).after(name, delayMs, method, input);
  }

  every(name: string, everyMs: number, method: string, input: unknown): void {
    this.#drafting(`timer "${name}"`).every(name, everyMs, method, input);
  }

  cancel(name: string): void {
    this.#drafting(`timer "${name}"`).cancel(name);
  }

  forget(): void {
    this.#drafting('forgetting').forgets = true;
  }

  /** @throws TroupeError INVALID_ARGUMENT where nothing outlives the activation, CANCELLED when the turn is over */
  #drafting(what: string): TurnDraft {
    const { house, memory, traceparent } = this.#parts;
    const address = agentAddressKey(this.address);
    if (this.#over) throw new TroupeError('CANCELLED', 'the turn is over', { address });
    if (this.#draft !== undefined) return this.#draft;
    const { pending } = memory;
    if (pending === undefined) throw this.#wouldNotLast(what);
    this.#draft = new TurnDraft(house.clock, pending.outbox, pending.agenda, traceparent);
    return this.#draft;
  }

  #wouldNotLast(what: string): TroupeError {
    const message = `${what} would not last: its agent's kind has durability "none"`;
    return new TroupeError('INVALID_ARGUMENT', message, { address: agentAddressKey(this.address) });
  }

  setState(next: State): void {
    this.#state = next;
    this.#changed = true;
  }

  remainingMs(): number {
    return this.#stop.remainingMs();
  }

  step<T>(name: string, fn: StepFunction<T>): Promise<T>;
  step<T>(name: string, options: StepOptions<NoInfer<T>>, fn: StepFunction<T>): Promise<T>;
  async step<T>(name: string, given: StepOptions<T> | StepFunction<T>, last?: StepFunction<T>): Promise<T> {
    const [options, fn] = typeof given === 'function' ? [NO_OPTIONS as StepOptions<T>, given] : [given, last];
    const unique = this.#unique(name);
    if (typeof fn !== 'function' || (options.onUnknown === 'reconcile' && typeof options.reconcile !== 'function')) {
      throw new TroupeError('INVALID_ARGUMENT', `step "${unique}" needs a function, and another one to reconcile by`);
    }
    const { memory, house, traceparent } = this.#parts;
    const replay = this.#replaying();
    const receipt = memory.step(this.requestId, unique);
    const { done, failed } = receipt ?? {};
    const kept = done !== undefined || (failed !== undefined && (failed.final || options.onFailed === 'keep'));
    this.#stepped = true;
    if (replay !== undefined && !replay.over) await replay.reach(unique, kept);
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': name,
      'troupe.step': unique,
    } as const;
    if (kept) {
      const recorded = { parent: traceparent, attributes: { ...attributes, 'troupe.step.replayed': true } };
      return traced(house.tracer, 'execute_tool', recorded, async () => {
        if (done !== undefined) return done.value as T;
        throw fromWireError((failed as NonNullable<typeof failed>).error);
      });
    }
    this.#mayBegin(unique);
    const key =
      receipt?.key ?? options.idempotencyKey ?? `${agentAddressKey(this.address)}/${this.requestId}/${unique}`;
    const step: Step<T> = { name: unique, key, receipt, options, fn };
    this.#running++;
    try {
      return await traced(house.tracer, 'execute_tool', { parent: traceparent, attributes }, (span) =>
        this.#perform(step, span.traceparent ?? traceparent),
      );
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /** A turn that must stop, stops here: between two effects. */
  #mayBegin(step: string): void {
    const { reason } = this.#stop;
    const address = (): string => `${agentAddressKey(this.address)} ${step}`;
    if (reason !== undefined) throw asTroupeError(reason, 'CANCELLED', { address: address() });
    if (this.#parts.delivery.resident.stopping) {
      this.#halt ??= new TroupeError('CANCELLED', 'the agent is being moved', { address: address() });
    }
    if (this.#halt !== undefined) throw this.#halt;
    if (this.#over) throw new TroupeError('CANCELLED', 'the turn is over', { address: address() });
  }

  async #perform<T>({ name, key, receipt, options, fn }: Step<T>, traceparent: string | undefined): Promise<T> {
    const { memory } = this.#parts;
    const { requestId } = this;
    const stop = this.#stop;
    const unknown = receipt !== undefined && receipt.failed === undefined && receipt.again === undefined;
    // Whether nothing that went before can have had the effect, so that a failure of this run is certain.
    let clean = !unknown;
    if (unknown && options.onUnknown === 'reconcile') {
      const finding = await this.#reconcile(name, key, options.reconcile, traceparent);
      if ('done' in finding) {
        await memory.stepDone(requestId, name, finding.done);
        return finding.done;
      }
      clean = 'notDone' in finding;
      this.#mayBegin(name);
    }
    if (!clean && options.onUnknown !== undefined && options.onUnknown !== 'retry') await this.#hold(name, key);
    if (!unknown) await memory.stepStarted(requestId, name, key);
    let value: T;
    try {
      value = await fn({
        idempotencyKey: key,
        retried: receipt !== undefined && receipt.failed === undefined,
        get signal() {
          return stop.signal;
        },
        traceparent,
      });
    } catch (error) {
      if (!clean || stop.reason !== undefined || leavesUnknown(error)) throw error;
      const failure = toWireError(error);
      await memory.stepFailed(requestId, name, failure);
      // What another run will be told, this one is told too.
      throw options.onFailed === 'keep' ? fromWireError(failure) : error;
    }
    // What may be done again under the same key needn't be durable before its result is used here; what leaves the turn waits for it.
    const repeatable = (options.onUnknown ?? 'retry') === 'retry';
    const kept = repeatable ? memory.stepDoneSoon(requestId, name, value) : memory.stepDone(requestId, name, value);
    if (kept !== undefined) await kept;
    return value;
  }

  #reconcile<T>(
    step: string,
    idempotencyKey: string,
    reconcile: Reconcile<T>,
    traceparent: string | undefined,
  ): Promise<StepFinding<T>> {
    const { signal, log } = this;
    const agent = agentAddressKey(this.address);
    return findOut(
      this.#parts.house.clock,
      reconcile,
      { idempotencyKey, signal, traceparent },
      () => this.#mayBegin(step),
      (attempt, why) => log.warn('step not reconciled', { agent, step, attempt, why }),
    );
  }

  /** Holds the turn: whatever its handler makes of that, no further step begins and it isn't done. One hold is enough for a turn. */
  async #hold(step: string, idempotencyKey: string): Promise<never> {
    const { memory, house, message } = this.#parts;
    const { requestId: request, address } = this;
    const mark = memory.held(request);
    const room = mark !== undefined || memory.heldTurns < HELD_PER_AGENT_MAX;
    this.#halt = heldError(address, step, undefined);
    if (!room) throw this.#halt;
    try {
      const after = mark?.ruled ? mark.hold : undefined;
      const held = await house.held.place(address.key, { request, step, idempotencyKey, message, after });
      await memory.stepHeld(request, held.step, held.hold);
      this.#halt = heldError(address, held.step, held.hold);
    } catch (error) {
      this.#halt = error as JournalFailure;
    }
    throw this.#halt;
  }

  /** The record of earlier runs, if there is any. */
  #replaying(): Replay | undefined {
    if (this.#replay === null) {
      const recorded = this.#parts.memory.steps(this.requestId);
      const { clock } = this.#parts.house;
      this.#replay = recorded?.size ? new Replay(clock, recorded, this.remainingMs()) : undefined;
    }
    return this.#replay;
  }

  /** The handler has settled: no step begins any more. @returns when those that run have ended, if any do */
  end(): Promise<void> | undefined {
    this.#over = true;
    if (this.#running === 0) return undefined;
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Resolves when the receipts of all steps that have ended are durable; undefined when they are. @throws JournalFailure */
  settled(): Promise<void> | undefined {
    return this.#parts.memory.settled();
  }

  /** What stopped the turn, whatever its handler made of it. */
  get halted(): TroupeError | undefined {
    return this.#halt;
  }

  /** @throws TroupeError STEP_MISMATCH when the handler ended well without asking for all that is recorded */
  complete(): void {
    const mismatch = this.#replaying()?.end();
    if (mismatch !== undefined) throw mismatch;
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

  subscribe(topic: string, method: string): void {
    this.#parts.house.subscriptions.subscribe(this.address, topic, method);
  }

  unsubscribe(topic: string): void {
    this.#parts.house.subscriptions.unsubscribe(this.address, topic);
  }

  /** The node's host, with this turn's deadline, cancellation and trace in all that it does. */
  get host(): Host {
    this.#host ??= turnHost(this.#parts.house.host, {
      turn: this,
      delivery: this.#parts.delivery,
      budget: this.#given,
      idOf: (name) => this.#idOf(name),
      beside: (work) => this.#beside(work),
      settled: () => this.settled(),
      post: this.#parts.memory.pending && ((to, method, input) => this.#drafting('a message').send(to, method, input)),
      copy: (input) => this.#parts.house.actors.decode(encodePayload(input)),
    });
    return this.#host;
  }

  /** A turn that runs again may have to wait for this before it comes to its next recorded step. */
  #beside<T>(work: Promise<T>): Promise<T> {
    const replay = this.#replaying();
    return replay === undefined || replay.over ? work : replay.beside(work);
  }

  /** The same again when the turn runs again, so that what it asks and opens is recognised. */
  #idOf(name: string): string {
    return `${this.requestId}/${this.#unique(name)}`;
  }

  #unique(name: string): string {
    this.#names ??= new Set();
    let unique = name;
    for (let count = 2; this.#names.has(unique); count++) unique = `${name}#${count}`;
    this.#names.add(unique);
    return unique;
  }
}
