/** Hosts the handlers of one agent in a worker thread: the other half of a seat. */
import { systemClock, TroupeError } from '../../core/index.ts';
import { Budget } from '../../model/index.ts';
import { type Channel, crossingLogger, type Handlers } from '../../thread/index.ts';
import type { AgentContext, StepFunction, StepOptions } from '../context.ts';
import { type AgentDefinition, isAgent, type Protocol, VOTE_METHOD } from '../define.ts';
import { type AgentHistory, TurnHistory } from '../history.ts';
import { agentRef, type Host, type JobProgress } from '../host.ts';
import { type AskNode, letRefsCross, TurnActors } from './actors.ts';
import type {
  AgentTenantData,
  EffectOrder,
  HistoryCall,
  PaidAnswer,
  TimerCall,
  TurnCalls,
  TurnOrder,
  TurnOutcome,
} from './protocol.ts';

/** What a step gave, to be run in its name. */
type Effect = (run: EffectOrder['run'] & { readonly signal: AbortSignal }) => unknown;

/** Loads the definition and runs its turns. */
export async function open(channel: Channel, data: unknown): Promise<Handlers> {
  const { module, kind, address, node } = data as AgentTenantData;
  letRefsCross();
  const exported = Object.values((await import(module)) as Record<string, unknown>);
  const definition = exported.find((value) => isAgent(value) && value.kind === kind) as
    | AgentDefinition<unknown, Protocol>
    | undefined;
  const effects = new Map<number, Effect>();
  let numbers = 0;
  const log = crossingLogger((line) => void channel.note('log', line).catch(() => undefined));

  const contextOf = (order: TurnOrder, signal: AbortSignal) => {
    const { turn, requestId, traceparent } = order;
    const endsAt = systemClock.monotonic() + order.leftMs;
    const ask = <Name extends keyof TurnCalls>(name: Name, call: TurnCalls[Name], taken = signal): Promise<never> =>
      channel.call(name, { turn, ...call }, taken) as Promise<never>;
    const budget = new Budget(order.budget);
    const plans: TimerCall[] = [];
    const changes: HistoryCall[] = [];
    // Its items are encoded here only to be refused where they are too large; the other side keeps what it is given.
    const history =
      order.history && new TurnHistory(order.history, (from, limit) => ask('historyPage', { from, limit }));
    const outcome: { -readonly [Part in keyof TurnOutcome]: TurnOutcome[Part] } = {
      value: undefined,
      plans,
      history: changes,
      get spent() {
        return budget.used;
      },
    };
    const host = hostOver(ask, requestId, budget, () => ++numbers);
    const far = new TurnActors(node, ask);
    const ctx: AgentContext<unknown> = {
      address,
      node,
      get state() {
        return outcome.set === undefined ? order.state : outcome.set.state;
      },
      setState: (state) => {
        outcome.set = { state };
      },
      signal,
      requestId,
      budget,
      remainingMs: () => Math.max(0, endsAt - systemClock.monotonic()),
      log,
      traceparent,
      step: async <T>(name: string, given: StepOptions<T> | StepFunction<T>, last?: StepFunction<T>): Promise<T> => {
        const [{ reconcile, ...options }, fn] =
          typeof given === 'function' ? [{} as StepOptions<T>, given] : [given, last];
        const step = ++numbers;
        const find = reconcile && ++numbers;
        effects.set(step, fn as Effect);
        if (find !== undefined) effects.set(find, reconcile as Effect);
        try {
          return await ask('step', { step, reconcile: find, name, options });
        } finally {
          effects.delete(step);
          if (find !== undefined) effects.delete(find);
        }
      },
      after: (...given) => void plans.push({ call: 'after', given }),
      every: (...given) => void plans.push({ call: 'every', given }),
      forget: () => void plans.push({ call: 'forget', given: [] }),
      cancel: (...given) => void plans.push({ call: 'cancel', given }),
      get history() {
        if (history === undefined)
          throw new TroupeError('INVALID_ARGUMENT', 'a history would not last: the kind has durability "none"');
        return noting(history, changes);
      },
      agent: (other, key) => agentRef(host, other, key),
      host,
      actors: far.actors,
      ...far.interests,
    };
    return { ctx, outcome, far };
  };

  return {
    turn: async (order, signal) => {
      const { method, input } = order as TurnOrder;
      const { ctx, outcome, far } = contextOf(order as TurnOrder, signal);
      if (definition === undefined)
        throw new TroupeError('UNKNOWN_AGENT', `${module} exports no agent of kind "${kind}"`, { address: module });
      const { handlers, vote } = definition.spec;
      const handler = method === VOTE_METHOD ? vote : handlers[method];
      const value = await (handler as (ctx: AgentContext<unknown>, input: unknown) => unknown)(ctx, input);
      await far.end();
      return { ...outcome, value };
    },
    effect: (order, signal) => {
      const { step, run } = order as EffectOrder;
      const fn = effects.get(step);
      if (fn === undefined) throw new TroupeError('CANCELLED', 'the step is no longer waited for');
      return fn({ ...run, signal });
    },
  };
}

/** The history of a turn, with what is done to it noted for the other side. */
function noting(history: TurnHistory, changes: HistoryCall[]): AgentHistory {
  return {
    get first() {
      return history.first;
    },
    get next() {
      return history.next;
    },
    append: (item) => {
      history.append(item);
      changes.push({ append: item });
    },
    dropBefore: (position) => {
      history.dropBefore(position);
      changes.push({ dropBefore: position });
    },
    page: (from, limit) => history.page(from, limit),
  };
}

/** The turn as a host: everything is done on the other side, under the turn's deadline, cancellation and trace. */
function hostOver(ask: AskNode, requestId: string, own: Budget, number: () => number): Host {
  let ids = 0;
  return {
    // As a turn without a thread counts them.
    freshId: () => `${requestId}/id${ids++ === 0 ? '' : `#${ids}`}`,
    budget: own,
    ask: async (address, method, input, { signal, budget = own, ...options } = {}) => {
      const loan = budget.lend();
      let answer: PaidAnswer | undefined;
      try {
        answer = (await ask('ask', { address, method, input, options, budget: loan.limit }, signal)) as PaidAnswer;
        return answer.value;
      } finally {
        loan.settle(answer?.spent);
      }
    },
    tell: (address, method, input, id) => ask('tell', { address, method, input, requestId: id }),
    send: (address, method, input, id) => ask('send', { address, method, input, requestId: id }),
    openDecision: (request) => ask('openDecision', { request: request as never }),
    closeDecision: (id) => ask('closeDecision', { id }),
    decisionClosed: (id, signal) => ask('decisionClosed', { id }, signal),
    // The items cross in one message, so they have its limit.
    submitJob: async (id, spec, items) => ask('submitJob', { id, spec, items: await Array.fromAsync(items) }),
    cancelJob: (id) => ask('cancelJob', { id }),
    async *watchJob(id, signal) {
      const watch = number();
      const stop = (): void => void ask('unwatch', { watch }).catch(() => undefined);
      signal?.addEventListener('abort', stop, { once: true });
      await ask('watchJob', { watch, id });
      try {
        for (;;) {
          const progress = (await ask('nextOf', { watch })) as JobProgress | undefined;
          if (progress === undefined) return;
          yield progress;
        }
      } finally {
        signal?.removeEventListener('abort', stop);
        stop();
      }
    },
  };
}
