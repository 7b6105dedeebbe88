import type { Ref } from '../../actor/index.ts';
import type { AgentAddress, NodeId, NodeRef } from '../../core/index.ts';
import type { Amount, BudgetLimit } from '../../model/index.ts';
import type { AgentContext, StepOptions, StepQuery, StepRun } from '../context.ts';
import type { HistoryRange } from '../history.ts';
import type { AskOptions, JobSpec, WorkItem } from '../host.ts';

/** What the thread of an agent is started with. */
export interface AgentTenantData {
  /** URL of the module that exports the definition. */
  readonly module: string;
  readonly kind: string;
  readonly address: AgentAddress;
  readonly node: NodeRef;
}

/** One turn, as it goes into the thread. */
export interface TurnOrder {
  /** Its number; what belongs to another one comes too late. */
  readonly turn: number;
  /** Name of the message; VOTE_METHOD asks for a vote. */
  readonly method: string;
  readonly input: unknown;
  readonly state: unknown;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  /** Undefined where the kind has none. */
  readonly history: HistoryRange | undefined;
  /** What is left of the deadline, ms. */
  readonly leftMs: number;
  /** What is left of the turn's budget: all of it is with the thread meanwhile. */
  readonly budget: BudgetLimit;
}

/** A timer that a turn set or cancelled. */
export type TimerCall =
  | { readonly call: 'after' | 'every'; readonly given: Parameters<AgentContext<unknown>['after']> }
  | { readonly call: 'forget'; readonly given: [] }
  | { readonly call: 'cancel'; readonly given: Parameters<AgentContext<unknown>['cancel']> };

/** An item that a turn added, or before which it let all go. */
export type HistoryCall = { readonly append: unknown } | { readonly dropBefore: number };

/** What a turn gave. */
export interface TurnOutcome {
  readonly value: unknown;
  /** The new state, when it was set. */
  readonly set?: { readonly state: unknown };
  /** Timers that it set and cancelled, in order. */
  readonly plans: readonly TimerCall[];
  /** What it did to the history, in order. */
  readonly history: readonly HistoryCall[];
  /** What was used of the budget. */
  readonly spent: Amount;
}

/** An answer, and what was spent on it. */
export interface PaidAnswer {
  readonly value: unknown;
  readonly spent: Amount;
}

/** A step's function that is to be run in the thread now: the one that does it, or the one that finds out about it. */
export interface EffectOrder {
  readonly step: number;
  readonly run: Omit<StepRun, 'signal'> | Omit<StepQuery, 'signal'>;
}

/** What a turn asks of this side, beside `log`. */
export interface TurnCalls {
  readonly step: {
    /** Number of its function, and of its `reconcile` if it has one. */
    readonly step: number;
    readonly reconcile: number | undefined;
    readonly name: string;
    readonly options: Omit<StepOptions, 'reconcile'>;
  };
  readonly ask: {
    readonly address: AgentAddress;
    readonly method: string;
    readonly input: unknown;
    readonly options: Omit<AskOptions, 'signal' | 'budget'>;
    readonly budget: BudgetLimit;
  };
  readonly tell: {
    readonly address: AgentAddress;
    readonly method: string;
    readonly input: unknown;
    readonly requestId: string | undefined;
  };
  readonly send: {
    readonly address: AgentAddress;
    readonly method: string;
    readonly input: unknown;
    readonly requestId: string | undefined;
  };
  readonly historyPage: { readonly from: number; readonly limit: number };
  readonly openDecision: { readonly request: never };
  readonly closeDecision: { readonly id: string };
  readonly decisionClosed: { readonly id: string };
  readonly submitJob: { readonly id: string; readonly spec: JobSpec; readonly items: readonly WorkItem[] };
  readonly cancelJob: { readonly id: string };
  /** Begins to watch a job, under a number of the thread's choice; `nextOf` gives what is new, undefined at the end. */
  readonly watchJob: { readonly watch: number; readonly id: string };
  readonly nextOf: { readonly watch: number };
  readonly actor: { readonly ref: Ref<never>; readonly call: 'tell' | 'offer'; readonly message: unknown };
  /** The place for the answer is marked in the message. */
  readonly askActor: { readonly ref: Ref<never>; readonly message: unknown; readonly timeoutMs: number | undefined };
  readonly findActor: {
    readonly node: NodeId;
    readonly name: string;
    readonly options: { readonly timeoutMs?: number } | undefined;
  };
  /** Answered when the actor has ended. */
  readonly ended: { readonly ref: Ref<never> };
  readonly topic: {
    readonly topic: string;
    readonly call: 'publish' | 'subscribe' | 'unsubscribe';
    readonly given: unknown;
  };
  /** What the agent itself watches and is subscribed to. */
  readonly interest: {
    readonly call: 'watch' | 'unwatch' | 'subscribe' | 'unsubscribe';
    readonly given: readonly unknown[];
  };
  readonly unwatch: { readonly watch: number };
}

/** A call of a turn as it crosses. */
export type FromTurn<Name extends keyof TurnCalls> = TurnCalls[Name] & { readonly turn: number };
