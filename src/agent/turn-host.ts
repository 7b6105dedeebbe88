import { type AgentAddress, agentAddressKey } from '../core/index.ts';
import type { Budget } from '../model/index.ts';
import type { TurnAskOptions } from './asks.ts';
import type { AgentContext } from './context.ts';
import type { AskingTurn } from './delivery.ts';
import { ASK_TIMEOUT_MS, type AskOptions, type Host } from './host.ts';

/** What a turn lends to what it sends. */
interface TurnParts {
  readonly turn: Pick<AgentContext<unknown>, 'signal' | 'traceparent' | 'remainingMs'>;
  /** The message that it is for. */
  readonly delivery: AskingTurn;
  /** What its asks may spend. */
  readonly budget: Budget | undefined;
  /** Makes an id of a name: the same when the turn runs again, so that what it asks and opens is recognised. */
  idOf(name: string): string;
  /** A turn that runs again may have to wait for this before it comes to its next recorded step. */
  beside<T>(work: Promise<T>): Promise<T>;
  /** Resolves when the receipts of its steps are durable; undefined when they are. */
  settled(): Promise<void> | undefined;
  /** Keeps a durable message, to leave with what the turn does; undefined where nothing outlives the activation. */
  readonly post: ((address: AgentAddress, method: string, input: unknown) => void) | undefined;
  /** A copy, as it would arrive. */
  copy(input: unknown): unknown;
}

/**
 * The node's host, with a turn's deadline, cancellation and trace in all that it does. What a turn sends may rest on results of its steps, so
 * it leaves when their receipts are durable, in the order in which it was sent and as it was then.
 */
export function turnHost(host: Host, { turn, delivery, budget, idOf, beside, settled, post, copy }: TurnParts): Host {
  const withSignal = (signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined ? turn.signal : AbortSignal.any([signal, turn.signal]);
  const inherit = (name: string, options: AskOptions = {}): TurnAskOptions => ({
    ...options,
    timeoutMs: Math.min(options.timeoutMs ?? ASK_TIMEOUT_MS, turn.remainingMs()),
    signal: withSignal(options.signal),
    requestId: options.requestId ?? idOf(name),
    traceparent: options.traceparent ?? turn.traceparent,
    budget: options.budget ?? budget,
    asker: delivery,
  });
  const send = <T>(leave: () => Promise<T>): Promise<T> => settled()?.then(leave) ?? leave();
  const sendInput = async <T>(input: unknown, leave: (input: unknown) => Promise<T>): Promise<T> => {
    const waiting = settled();
    if (waiting === undefined) return leave(input);
    const sent = copy(input);
    return waiting.then(() => leave(sent));
  };
  return {
    budget,
    freshId: () => idOf('id'),
    ask: (address, method, input, options) => {
      const given = inherit(`ask:${agentAddressKey(address)}.${method}`, options);
      return beside(sendInput(input, (sent) => host.ask(address, method, sent, given)));
    },
    tell: (address, method, input, requestId) => {
      const id = requestId ?? idOf(`tell:${agentAddressKey(address)}.${method}`);
      return sendInput(input, (sent) => host.tell(address, method, sent, id));
    },
    send: async (address, method, input, requestId) => {
      if (post !== undefined) return post(address, method, input);
      const id = requestId ?? idOf(`send:${agentAddressKey(address)}.${method}`);
      return beside(host.send(address, method, input, id));
    },
    openDecision: (request, trace) =>
      send(() => host.openDecision(request, { traceparent: trace?.traceparent ?? turn.traceparent })),
    closeDecision: (id) => send(() => host.closeDecision(id)),
    decisionClosed: (id, signal) => beside(host.decisionClosed(id, withSignal(signal))),
    submitJob: (id, spec, items) =>
      send(() => host.submitJob(id, { ...spec, traceparent: spec.traceparent ?? turn.traceparent }, items)),
    cancelJob: (id) => send(() => host.cancelJob(id)),
    watchJob: (id, signal) => host.watchJob(id, withSignal(signal)),
  };
}
