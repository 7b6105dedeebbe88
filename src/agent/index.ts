export type { AgentContext, StepOptions, StepRun } from './context.ts';
export * from './define.ts';
export * from './host.ts';
