export { type ActorScope, type ActorSetup, defineActors, isActorSetup } from './actor-setup.ts';
export { Asks } from './asks.ts';
export type {
  AgentContext,
  Reconcile,
  StepFinding,
  StepFunction,
  StepOptions,
  StepQuery,
  StepRun,
} from './context.ts';
export * from './define.ts';
export type { Ruling } from './held.ts';
export type { AgentHistory, HistoryItems } from './history.ts';
export * from './host.ts';
export { groupsOf } from './kind.ts';
export { RUNTIME_MAIL } from './mail.ts';
export { nodeHost } from './node-host.ts';
export { RESIDENCY_LIMITS, type ResidencyLimits } from './residency.ts';
export { AgentRuntime } from './runtime.ts';
export { AGENT_SUBSCRIPTIONS_MAX } from './subscriptions.ts';
export { type ActorEnded, AGENT_WATCHES_MAX } from './watches.ts';
