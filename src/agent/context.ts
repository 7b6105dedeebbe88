import type { Ref } from '../actor/index.ts';
import type { Actors } from '../cluster/index.ts';
import type { AgentAddress, Logger, NodeRef } from '../core/index.ts';
import type { Budget } from '../model/index.ts';
import type { AgentDefinition, Protocol } from './define.ts';
import type { AgentHistory } from './history.ts';
import type { AgentRef, Host } from './host.ts';

/** How a side effect is protected. */
export type StepOptions<T = unknown> = {
  /** Given to the outside world so that a retry is recognised; default `<agent>/<request>/<step>`. */
  readonly idempotencyKey?: string;
  /**
   * What a failure (`fn` threw) is to a turn that runs again: `retry` (default) runs `fn` again; `keep` throws the recorded failure again,
   * as a TroupeError with its code and message. A handler that catches the failure and goes on to other steps takes `keep`.
   */
  readonly onFailed?: 'retry' | 'keep';
} & UnknownPolicy<T>;

/**
 * What to do when the step began and its outcome is unknown. `retry` (default): run `fn` again with the same key. `reconcile`: ask the
 * world outside; when it doesn't know after several tries, hold. `hold`: the turn waits for a person.
 */
type UnknownPolicy<T> =
  | { readonly onUnknown?: 'retry' | 'hold'; readonly reconcile?: undefined }
  | { readonly onUnknown: 'reconcile'; readonly reconcile: Reconcile<T> };

/** Finds out what became of a step. What it throws counts as `unknown`. */
export type Reconcile<T> = (query: StepQuery) => StepFinding<T> | Promise<StepFinding<T>>;

/** What became of a step. `notDone` promises that it won't be done later either: what is still on its way counts as `unknown`. */
export type StepFinding<T> = { readonly done: T } | { readonly notDone: true } | { readonly unknown: true };

/** What a step's `reconcile` is told. */
export interface StepQuery {
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly traceparent: string | undefined;
}

/** A step's function. To say that it can't tell whether it was done, it throws STEP_UNKNOWN. */
export type StepFunction<T> = (run: StepRun) => T | Promise<T>;

/** What a step's function is told. */
export interface StepRun {
  readonly idempotencyKey: string;
  /** True when an earlier run may already have done it. */
  readonly retried: boolean;
  readonly signal: AbortSignal;
  readonly traceparent: string | undefined;
}

/** What a handler gets beside its message. Valid until the handler settles. */
export interface AgentContext<State> {
  readonly address: AgentAddress;
  readonly node: NodeRef;
  /** State as of now; treat it as read-only. */
  readonly state: State;
  /** Replaces the state: for this turn at once, durable and visible to others when the turn ends. */
  setState(next: State): void;
  /** Fires when the asker cancels, the deadline passes, the agent stops, or its shard moves. */
  readonly signal: AbortSignal;
  /** Id of the request that this turn answers. */
  readonly requestId: string;
  /** What is left of the asker's deadline, ms; Infinity without one. */
  remainingMs(): number;
  /**
   * What the asker lets this turn spend, without limits where it named none. Give it to `model`; asks made in the turn take what is left
   * of it along, one after the other. A turn that runs again has all of it again.
   */
  readonly budget: Budget;
  readonly log: Logger;
  readonly traceparent: string | undefined;
  /**
   * Runs a side effect with a receipt: recorded as started before, with its result or failure after. When the turn runs again a finished
   * step returns its record without running, in the order in which the steps finished; one whose outcome is unknown follows its policy.
   * A turn that runs again must ask for every step that it has recorded, before any other begins.
   *
   * @param name unique in the turn; a repeated name counts up (`fetch`, `fetch#2`)
   * @throws TroupeError STEP_UNKNOWN when the turn is held, STEP_FAILED when a person said so, STEP_MISMATCH when the handler was changed, or
   * what `fn` throws
   */
  step<T>(name: string, fn: StepFunction<T>): Promise<T>;
  step<T>(name: string, options: StepOptions<NoInfer<T>>, fn: StepFunction<T>): Promise<T>;
  /**
   * Sends this agent the message `method` after `delayMs`, wherever it is by then, whatever crashes: at least once, and with effect once. The
   * timer is set when the turn ends; it takes the place of one of the same name. It is due by the clock of the node that the agent is on.
   *
   * @throws TroupeError OVERLOADED past TIMERS_MAX, MESSAGE_TOO_LARGE over SEND_BYTES_MAX, INVALID_ARGUMENT for a name or time that can't be, and
   * where the kind has durability `none`
   */
  after(name: string, delayMs: number, method: string, input?: unknown): void;
  /**
   * As `after`, every `everyMs` from now on, until it is cancelled. Times that pass while a turn of it hasn't ended, or nobody could run it, are
   * one.
   */
  every(name: string, everyMs: number, method: string, input?: unknown): void;
  /** Takes a timer back, when the turn ends. One that is already on its way as a message to this agent doesn't come either. */
  cancel(name: string): void;
  /** What this agent keeps and never writes again. @throws TroupeError INVALID_ARGUMENT where the kind has durability `none` */
  readonly history: AgentHistory;
  /**
   * When this turn ends, the agent is as if it had never been: without state, history and timers. What the turn sends leaves all the same. Its
   * journal goes FORGET_MS later, if the agent hasn't been used again; until then repeated requests get their recorded replies.
   *
   * @throws TroupeError INVALID_ARGUMENT where the kind has durability `none`
   */
  forget(): void;
  /**
   * Reference of another agent; its asks inherit this turn's deadline, cancellation and trace. An agent whose turn waits, itself or by way of others,
   * for this turn's answer can't be asked: ASK_CYCLE.
   */
  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string): AgentRef<P>;
  /**
   * Actors of this node and of others, and the cluster's topics. A ref may be in messages, replies and the state, though it is
   * of use no longer than its actor. From a worker thread they are reached while a turn runs, `tell` and `publish` say only that the message has
   * left, and `spawn` throws INVALID_ARGUMENT.
   */
  readonly actors: Actors;
  /**
   * Sends this agent the message `method`, with an `ActorEnded`, once an actor has ended, soon if it already has. Watching
   * twice is watching once, and the later method counts. The news finds the agent wherever it is by then, at most once. The
   * watch moves with the agent's shard when that is handed over; a node that dies takes it along.
   *
   * @throws TroupeError OVERLOADED past `AGENT_WATCHES_MAX`; in a worker thread the turn fails with it at its end
   */
  watch(ref: Ref<never>, method: string): void;
  /** Ends a watch that was made on this node, or came here with the shard. */
  unwatch(ref: Ref<never>): void;
  /**
   * Sends this agent the message `method` with whatever is published on a topic of the cluster, at most once and in order per publisher,
   * wherever the agent is by then. The subscription moves with the agent's shard when that is handed over (what is published
   * meanwhile may come twice), and a node that dies takes it along; subscribing again after that makes it anew. A later method counts.
   *
   * @throws TroupeError OVERLOADED past `AGENT_SUBSCRIPTIONS_MAX`, INVALID_ARGUMENT for a topic's name that is empty or too long; in a worker thread the turn
   *   fails with it at its end
   */
  subscribe(topic: string, method: string): void;
  /** Ends a subscription that was made on this node, or came here with the shard. */
  unsubscribe(topic: string): void;
  /** This turn as a host, for `team(ctx.host, …)`. */
  readonly host: Host;
}
