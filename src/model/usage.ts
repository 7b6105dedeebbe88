import type { AssistantMessage, ChatRequest } from './provider.ts';

/** Tokens of one call. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Dollars per million tokens, as vendors publish it; the same number is millionths of a dollar per token. */
export interface Price {
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
}

/** Prices by model. */
export type PriceTable = Readonly<Record<string, Price>>;

/** What a budget counts. */
export interface Amount {
  readonly tokens: number;
  /** Millionths of a dollar. */
  readonly costMicroUsd: number;
}

/** Output assumed of a request that doesn't limit it, tokens. */
export const OUTPUT_TOKENS_ASSUMED = 1_024;

/** Bytes of UTF-8 per token: English has about 4, code and other scripts fewer. */
const BYTES_PER_TOKEN = 3;

function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** What a request may use: its text and tools by their length, and the whole output it allows. */
export function estimateUsage(request: ChatRequest): Usage {
  return {
    inputTokens: estimateTokens(JSON.stringify([request.messages, request.tools])),
    outputTokens: request.outputTokensMax ?? OUTPUT_TOKENS_ASSUMED,
  };
}

/** What a call used, of a service that doesn't count: request and answer by their length. */
export function estimateSpent(request: ChatRequest, { content, toolCalls }: AssistantMessage): Usage {
  const spoken = toolCalls === undefined ? content : content + JSON.stringify(toolCalls);
  return { inputTokens: estimateUsage(request).inputTokens, outputTokens: estimateTokens(spoken) };
}

/** What tokens cost, whole millionths of a dollar, rounded up; undefined without a price. */
export function costOf({ inputTokens, outputTokens }: Usage, price: Price | undefined): number | undefined {
  if (price === undefined) return undefined;
  const cost = inputTokens * price.inputUsdPerMillion + outputTokens * price.outputUsdPerMillion;
  // Prices are decimal fractions: 100 tokens at 0.07 cost 7, not 8 for a last binary digit.
  return Math.max(0, Math.ceil(cost - 1e-6));
}

/** A call's tokens and cost, as a budget counts them. */
export function amountOf({ inputTokens, outputTokens }: Usage, costMicroUsd = 0): Amount {
  return { tokens: inputTokens + outputTokens, costMicroUsd };
}
