import type { ActorContext, Behavior, Ref } from '../../actor/index.ts';
import type { Actors } from '../../cluster/index.ts';
import { type AgentAddress, agentAddressKey, isTroupeError, TroupeError, toWireError } from '../../core/index.ts';
import { type Amount, Budget } from '../../model/index.ts';
import {
  crash,
  type Handlers,
  logLine,
  moduleBeside,
  placeReply,
  type Thread,
  type ThreadLimits,
  type Threads,
} from '../../thread/index.ts';
import { activate } from '../activation.ts';
import type { AgentContext, StepOptions, StepQuery } from '../context.ts';
import { type AgentSpec, type Protocol, VOTE_METHOD, type Vote } from '../define.ts';
import type { Delivery } from '../delivery.ts';
import type { JobProgress } from '../host.ts';
import { JournalFailure } from '../journal.ts';
import type { Household } from '../serving.ts';
import type {
  AgentTenantData,
  EffectOrder,
  FromTurn,
  PaidAnswer,
  TurnCalls,
  TurnOrder,
  TurnOutcome,
} from './protocol.ts';

/** Jobs that one turn may watch at a time. */
const WATCHES_MAX = 100;

/** Where the handlers of a kind run. */
export interface Isolation {
  readonly threads: Threads;
  /** URL of the module that exports the definition. */
  readonly module: string;
  readonly limits: ThreadLimits;
}

/** The behaviour of an agent whose handlers run in a thread. All else (journal, schemas, votes) stays here, as for any agent. */
export function seated(house: Household, address: AgentAddress, isolation: Isolation): Behavior<Delivery> {
  const seat = new Seat(house, address, isolation);
  const activation = activate({ ...house, spec: seat.spec }, address);
  return {
    start: (actor) => seat.open(actor),
    receive: (delivery, actor) => activation.receive(delivery, actor),
  };
}

/**
 * The place in a thread of one incarnation of an agent. The thread is started with the first turn; a turn that fails costs it, and so
 * does another agent that needs a thread while this one rests. What it does meanwhile is heard as a crash.
 */
class Seat {
  /** The kind's spec, with handlers that run in the thread. */
  readonly spec: AgentSpec<unknown, Protocol>;
  readonly #house: Household;
  readonly #address: AgentAddress;
  readonly #isolation: Isolation;
  #actor: ActorContext<Delivery> | undefined;
  #thread: Thread | undefined;
  /** The turn under way, and how many there were. */
  #turn: AgentContext<unknown> | undefined;
  #turns = 0;
  readonly #watches: Map<number, { readonly abort: AbortController; readonly events: AsyncIterator<JobProgress> }> =
    new Map();

  constructor(house: Household, address: AgentAddress, isolation: Isolation) {
    this.#house = house;
    this.#address = address;
    this.#isolation = isolation;
    const { spec } = house;
    const run = (method: string) => (ctx: AgentContext<unknown>, input: unknown) => this.#run(ctx, method, input);
    this.spec = {
      ...spec,
      handlers: Object.fromEntries(Object.keys(spec.messages).map((method) => [method, run(method)])),
      ...(spec.vote === undefined
        ? {}
        : { vote: async (ctx, request) => (await run(VOTE_METHOD)(ctx, request)) as Vote }),
    };
  }

  /** Binds it to the actor's incarnation: it leaves with that. */
  open(actor: ActorContext<Delivery>): void {
    this.#actor = actor;
    actor.signal.addEventListener('abort', () => this.#leave(), { once: true });
  }

  /** A turn that runs has heard of it by its signal; the thread waits for it, but not longer than its limit. */
  #leave(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    if (this.#turn === undefined) void thread.end();
    else {
      const { shutdownMs } = this.#isolation.limits;
      const limit = this.#house.clock.schedule(shutdownMs, () => void thread.end());
      void thread.ended.then(() => limit.cancel());
    }
  }

  async #run(ctx: AgentContext<unknown>, method: string, input: unknown): Promise<unknown> {
    const { threads } = this.#isolation;
    const thread = await this.#awake(ctx.signal);
    threads.rests(thread, false);
    this.#turn = ctx;
    const loan = ctx.budget.lend();
    let spent: Amount | undefined;
    const order: TurnOrder = {
      turn: ++this.#turns,
      method,
      input,
      state: ctx.state,
      requestId: ctx.requestId,
      traceparent: ctx.traceparent,
      history:
        this.#house.spec.durability === 'none' ? undefined : { first: ctx.history.first, next: ctx.history.next },
      leftMs: ctx.remainingMs(),
      budget: loan.limit,
    };
    try {
      const outcome = (await thread.channel.call('turn', order, ctx.signal)) as TurnOutcome;
      if (outcome.set !== undefined) ctx.setState(outcome.set.state);
      for (const change of outcome.history) {
        if ('append' in change) ctx.history.append(change.append);
        else ctx.history.dropBefore(change.dropBefore);
      }
      for (const { call, given } of outcome.plans) (ctx[call] as (...all: unknown[]) => void)(...given);
      spent = outcome.spent;
      return outcome.value;
    } catch (error) {
      // A handler that failed may have left anything behind.
      void thread.end();
      throw error;
    } finally {
      loan.settle(spent);
      this.#turn = undefined;
      for (const watch of [...this.#watches.keys()]) this.#unwatch(watch);
      if (this.#actor?.signal.aborted) void thread.end();
      else threads.rests(thread, true);
    }
  }

  async #awake(signal: AbortSignal): Promise<Thread> {
    if (this.#thread !== undefined && !this.#thread.over) return this.#thread;
    // Its place is needed: wait until it is really gone.
    await this.#thread?.ended;
    const { threads, module, limits } = this.#isolation;
    const { kind } = this.#address;
    const data: AgentTenantData = { module, kind, address: this.#address, node: this.#house.node };
    const address = agentAddressKey(this.#address);
    const tenant = moduleBeside('./tenant', import.meta.url);
    const thread = await threads
      .open({
        tenant,
        data,
        limits,
        address,
        signal,
        serve: this.#serve(),
        decode: (body) => this.#house.actors.decode(body),
      })
      .catch((error: unknown) => {
        // As with a ledger that can't be reached for now: nothing has happened, and the asker sends again.
        throw isTroupeError(error, 'OVERLOADED') ? new JournalFailure(error) : error;
      });
    this.#thread = thread;
    void thread.ended.then((why) => {
      const actor = this.#actor;
      // During a turn the turn tells; and who was ended by this side has done nothing wrong.
      if (this.#turn === undefined && why.code !== 'CANCELLED' && actor !== undefined) crash(actor, why);
    });
    return thread;
  }

  /** What a turn in the thread may ask for: what its context offers, and only while it runs. */
  #serve(): Handlers {
    const during =
      <Name extends keyof TurnCalls>(
        act: (ctx: AgentContext<unknown>, call: FromTurn<Name>, signal: AbortSignal) => unknown,
      ) =>
      (call: unknown, signal: AbortSignal): unknown => {
        const ctx = this.#turn;
        if (ctx === undefined || (call as FromTurn<Name>).turn !== this.#turns)
          throw new TroupeError('CANCELLED', 'the turn is over', { address: agentAddressKey(this.#address) });
        return act(ctx, call as FromTurn<Name>, signal);
      };
    return {
      step: during<'step'>((ctx, { step, reconcile, name, options }) => {
        const find = reconcile === undefined ? {} : { reconcile: (query: StepQuery) => this.#effect(reconcile, query) };
        return ctx.step(name, { ...options, ...find } as StepOptions<never>, (run) => this.#effect(step, run));
      }),
      ask: during<'ask'>(async (ctx, { address, method, input, options, ...ask }, signal): Promise<PaidAnswer> => {
        const budget = new Budget(ask.budget);
        const value = await ctx.host.ask(address, method, input, { ...options, signal, budget });
        return { value, spent: budget.spent };
      }),
      tell: during<'tell'>((ctx, { address, method, input, requestId }) =>
        ctx.host.tell(address, method, input, requestId),
      ),
      send: during<'send'>((ctx, { address, method, input, requestId }) =>
        ctx.host.send(address, method, input, requestId),
      ),
      historyPage: during<'historyPage'>((ctx, { from, limit }) => ctx.history.page(from, limit)),
      openDecision: during<'openDecision'>((ctx, { request }) => ctx.host.openDecision(request)),
      closeDecision: during<'closeDecision'>((ctx, { id }) => ctx.host.closeDecision(id)),
      decisionClosed: during<'decisionClosed'>((ctx, { id }, signal) => ctx.host.decisionClosed(id, signal)),
      submitJob: during<'submitJob'>((ctx, { id, spec, items }) => ctx.host.submitJob(id, spec, items)),
      cancelJob: during<'cancelJob'>((ctx, { id }) => ctx.host.cancelJob(id)),
      watchJob: during<'watchJob'>((ctx, { watch, id }) => this.#watch(ctx, watch, id)),
      nextOf: during<'nextOf'>(async (_ctx, { watch }) => (await this.#watches.get(watch)?.events.next())?.value),
      unwatch: during<'unwatch'>((_ctx, { watch }) => this.#unwatch(watch)),
      actor: during<'actor'>((_ctx, { ref, call, message }) => ref[call](message as never)),
      askActor: during<'askActor'>((_ctx, { ref, message, timeoutMs }, signal) => {
        const options = { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
        return ref.ask((reply) => placeReply(message, reply) as never, options);
      }),
      findActor: during<'findActor'>((ctx, { node, name, options }) => ctx.actors.find(node, name, options)),
      ended: during<'ended'>((ctx, { ref }, signal) => ended(ctx.actors, ref, signal)),
      topic: during<'topic'>((ctx, { topic, call, given }) => ctx.actors.topic(topic)[call](given as never)),
      interest: during<'interest'>((ctx, { call, given }) => (ctx[call] as (...all: unknown[]) => void)(...given)),
      log: (line) => logLine(this.#turn?.log ?? this.#house.logger, line),
    };
  }

  #effect(step: number, { signal, ...run }: EffectOrder['run'] & { readonly signal: AbortSignal }): Promise<never> {
    const order: EffectOrder = { step, run };
    return (this.#thread as Thread).channel.call('effect', order, signal) as Promise<never>;
  }

  #watch(ctx: AgentContext<unknown>, watch: number, id: string): void {
    if (this.#watches.size >= WATCHES_MAX)
      throw new TroupeError('OVERLOADED', `${WATCHES_MAX} jobs are watched already`);
    const abort = new AbortController();
    this.#watches.set(watch, { abort, events: ctx.host.watchJob(id, abort.signal)[Symbol.asyncIterator]() });
  }

  #unwatch(watch: number): void {
    this.#watches.get(watch)?.abort.abort();
    this.#watches.delete(watch);
  }
}

/** Resolves when an actor has ended. */
function ended(actors: Actors, ref: Ref<never>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = actors.watch(ref, ({ reason, error }) => {
      resolve({ reason, ...(error === undefined ? {} : { error: toWireError(error) }) });
    });
    signal.addEventListener('abort', () => {
      stop();
      reject(signal.reason as Error);
    });
  });
}
