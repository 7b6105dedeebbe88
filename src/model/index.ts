export { Budget, type BudgetLimit, type Loan, type Reservation } from './budget.ts';
export { ResponseCache, requestHash } from './cache.ts';
export { DEFAULT_RETRY, type ModelOptions, model, type RetryPolicy } from './compose.ts';
export { HttpModel, type HttpModelOptions } from './http.ts';
export { Limiter, type LimiterOptions } from './limiter.ts';
export type {
  AssistantMessage,
  ChatOptions,
  ChatRequest,
  ChatResponse,
  FinishReason,
  JsonSchema,
  Message,
  ModelProvider,
  Tool,
  ToolCall,
} from './provider.ts';
export { type Script, type ScriptedAnswer, ScriptedModel, type ScriptedModelOptions } from './scripted.ts';
export { type Amount, OUTPUT_TOKENS_ASSUMED, type Price, type PriceTable, type Usage } from './usage.ts';
