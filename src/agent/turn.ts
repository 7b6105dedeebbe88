import type { Ref } from '../actor/index.ts';
import type { Actors } from '../cluster/index.ts';
import { type AgentAddress, agentAddressKey, type Logger, type NodeRef, TroupeError } from '../core/index.ts';
import { type Amount, Budget } from '../model/index.ts';
import { encodePayload } from '../wire/index.ts';
import type { AgentContext, StepFunction, StepOptions } from './context.ts';
import type { AgentDefinition, Protocol } from './define.ts';
import { TurnDraft, type TurnEffects } from './draft.ts';
import { type AgentHistory, type HistoryChange, TurnHistory } from './history.ts';
import { type AgentRef, agentRef, type Host } from './host.ts';
import { TurnSteps } from './steps.ts';
import { turnHost } from './turn-host.ts';
import type { TurnParts } from './turn-parts.ts';
import { TurnSignal } from './turn-signal.ts';

const NO_OPTIONS: StepOptions = {};

/** The processing of one message by an agent: its draft of the state, its steps, and what it asks of others. */
export class Turn<State> implements AgentContext<State> {
  readonly #parts: TurnParts<State>;
  /** Names given to steps, asks and ids so far. */
  #names: Set<string> | undefined;
  #state: State;
  #changed = false;
  #stepped = false;
  #over = false;
  /** Undefined while nobody has asked for any: a turn without steps doesn't pay for them. */
  #steps: TurnSteps | undefined;
  #host: Host | undefined;
  #signal: TurnSignal | undefined;
  #budget: Budget | undefined;
  #draft: TurnDraft | undefined;
  #history: TurnHistory | undefined;

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

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get #stop(): TurnSignal {
    const { actor, delivery, house } = this.#parts;
    this.#signal ??= new TurnSignal(actor, delivery, house.clock);
    return this.#signal;
  }

  /** Nothing of the turn waits for its deadline any more. */
  close(): void {
    this.#signal?.close();
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
  step<T>(name: string, given: StepOptions<T> | StepFunction<T>, last?: StepFunction<T>): Promise<T> {
    const [options, fn] = typeof given === 'function' ? [NO_OPTIONS as StepOptions<T>, given] : [given, last];
    this.#stepped = true;
    return this.#itsSteps.run(name, this.#unique(name), options, fn);
  }

  get #itsSteps(): TurnSteps {
    if (this.#steps === undefined) {
      this.#steps = new TurnSteps(this.#parts, this.#stop);
      if (this.#over) this.#steps.end();
    }
    return this.#steps;
  }

  /** The handler has settled: no step begins any more. @returns when those that run have ended, if any do */
  end(): Promise<void> | undefined {
    this.#over = true;
    return this.#steps?.end();
  }

  /** Resolves when the receipts of all steps that have ended are durable; undefined when they are. @throws JournalFailure */
  settled(): Promise<void> | undefined {
    return this.#parts.memory.settled();
  }

  /** What stopped the turn, whatever its handler made of it. */
  get halted(): TroupeError | undefined {
    return this.#steps?.halted;
  }

  /** @throws TroupeError STEP_MISMATCH when the handler ended well without asking for all that is recorded */
  complete(): void {
    this.#itsSteps.complete();
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
    return this.#itsSteps.beside(work);
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
