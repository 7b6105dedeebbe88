import type { Price, Usage } from './usage.ts';

/** A JSON Schema, 2020-12 unless the model's vendor says otherwise. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Something the model may ask to have done. */
export interface Tool {
  readonly name: string;
  /** What it does and when to use it: the model reads this. */
  readonly description?: string;
  /** Schema of its arguments, an object. */
  readonly parameters: JsonSchema;
}

/** The model's wish to have a tool run. */
export interface ToolCall {
  /** Ties the tool's result to this call. */
  readonly id: string;
  readonly name: string;
  /** JSON text as the model wrote it. It may be malformed or miss the schema: check it before use. */
  readonly arguments: string;
}

/** What the model said. */
export interface AssistantMessage {
  readonly role: 'assistant';
  /** Empty when it only calls tools. */
  readonly content: string;
  readonly toolCalls?: readonly ToolCall[];
}

/** One message of a conversation. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | AssistantMessage
  | { readonly role: 'tool'; readonly toolCallId: string; readonly content: string };

/** What is asked of a model. Plain data: it survives JSON, and equal requests have equal hashes. */
export interface ChatRequest {
  /** The conversation so far, oldest first; at least one message. */
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[];
  /** Whether a tool may (`auto`), must or must not be called. Default: the model's own. */
  readonly toolChoice?: 'auto' | 'required' | 'none';
  /** Most tokens of the answer. Say it: budgets and rate limits reserve this much. */
  readonly outputTokensMax?: number;
  /** 0 for the likeliest answer; the sensible range is the model's own, mostly 0 to 2. */
  readonly temperature?: number;
  /** Texts at which the answer ends, without them. */
  readonly stop?: readonly string[];
}

/** Why the answer ended: done, cut at a token limit, tools wanted, withheld by a filter, or something else. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other';

/** A model's answer. */
export interface ChatResponse {
  readonly message: AssistantMessage;
  readonly finishReason: FinishReason;
  /** What the vendor counted; an estimate when it didn't say. Of the original call when `cached`. */
  readonly usage: Usage;
  /** What this call cost, millionths of a dollar; 0 when cached, undefined when the provider has no price. */
  readonly costMicroUsd?: number | undefined;
  /** The model that answered, in the vendor's words. */
  readonly model: string;
  /** Another call paid for this answer. */
  readonly cached?: boolean;
}

/** How one call is bounded. */
export interface ChatOptions {
  /** Waiting included, ms; at most 2^31 - 1. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The same for each try of one call, so that a vendor that looks at it does the work once. */
  readonly idempotencyKey?: string | undefined;
  /** W3C parent of the call's span. */
  readonly traceparent?: string | undefined;
}

/** A language model, wherever it runs. */
export interface ModelProvider {
  /** Which service answers, e.g. `openai`; in errors and spans. */
  readonly name: string;
  /** Which model is asked. */
  readonly model: string;
  /** What tokens cost; without it calls have no cost, and a cost budget can't be kept. */
  readonly price?: Price | undefined;
  /**
   * Asks once.
   *
   * @throws TroupeError TIMEOUT; CANCELLED, or the signal's own reason; OVERLOADED when the rate limit is hit
   *   and NODE_UNAVAILABLE when the service fails or can't be reached (both with `data.retryAfterMs` when it said
   *   when to come back, and with `data.outcome` 'unknown' when the connection broke after the request was sent);
   *   INVALID_ARGUMENT when it refuses the request; BUDGET_EXCEEDED when the account is empty;
   *   PROTOCOL_VIOLATION and MESSAGE_TOO_LARGE when the answer can't be used
   */
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatResponse>;
}
