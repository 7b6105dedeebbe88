import {
  asTroupeError,
  type BackoffPolicy,
  backoffMs,
  type Clock,
  delay,
  type ErrorCode,
  nullTracer,
  type Random,
  systemClock,
  systemRandom,
  type Tracer,
  TroupeError,
  traced,
} from '../core/index.ts';
import { type Budget, NOTHING } from './budget.ts';
import { type ResponseCache, requestHash } from './cache.ts';
import { abortError, withDeadline } from './deadline.ts';
import type { Limiter } from './limiter.ts';
import type { ChatOptions, ChatRequest, ChatResponse, ModelProvider } from './provider.ts';
import { amountOf, costOf, estimateUsage } from './usage.ts';

/** How a failed call is tried again. */
export interface RetryPolicy extends BackoffPolicy {
  /** Tries in all, 1 or more. */
  readonly attemptsMax: number;
  /** Longest one try may take, ms; without it a service that hangs takes the whole of `timeoutMs`. */
  readonly attemptMs?: number;
}

/** Four tries within about four seconds; a service that says when to come back is believed. */
export const DEFAULT_RETRY: RetryPolicy = { attemptsMax: 4, minMs: 500, maxMs: 30_000, jitter: 0.5 };

/** What stands between a caller and a provider; each part may be left out. */
export interface ModelOptions {
  readonly cache?: ResponseCache;
  readonly budget?: Budget;
  readonly limiter?: Limiter;
  /** Default DEFAULT_RETRY. */
  readonly retry?: RetryPolicy;
  /** Who asks, for the limiter's turns: an agent kind, a team, a tenant. */
  readonly caller?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly tracer?: Tracer;
}

/** After these, and after an error with `data.outcome` 'unknown', the service may have done the work and charged for it. */
const OUTCOME_UNKNOWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TIMEOUT',
  'CANCELLED',
  'PROTOCOL_VIOLATION',
  'MESSAGE_TOO_LARGE',
]);

/**
 * A provider with what calls need in production: cache, then budget, then limiter, then retries with backoff. It is cheap
 * to make: share the parts and make one for each caller and budget. `timeoutMs` bounds all of it together.
 * A try whose outcome is unknown is booked in full, so the budget may be spent by calls that got no answer, but never
 * overspent by calls that nobody counted.
 *
 * @throws TroupeError INVALID_ARGUMENT when money is limited and the provider has no price
 *
 * @example
 * const limiter = new Limiter({ requestsPerMinute: 500, tokensPerMinute: 200_000 });
 * const reviewer = model(provider, { limiter, budget: team.child({ tokens: 50_000 }), caller: 'reviewer' });
 * const { message } = await reviewer.chat({ messages }, { timeoutMs: 30_000, signal: ctx.signal });
 */
export function model(provider: ModelProvider, options: ModelOptions = {}): ModelProvider {
  const { cache, budget, clock = systemClock, tracer = nullTracer } = options;
  if (budget?.limitsCost && provider.price === undefined) {
    throw new TroupeError('INVALID_ARGUMENT', `the budget limits cost, and ${provider.name} has no price`);
  }
  const { name, model, price } = provider;
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': name, 'gen_ai.request.model': model };
  const ask = (request: ChatRequest, call: ChatOptions): Promise<ChatResponse> =>
    withDeadline(clock, call, (signal) => {
      const paid = (shared: AbortSignal): Promise<ChatResponse> =>
        pay(provider, options, request, { ...call, signal: shared });
      return cache === undefined ? paid(signal) : cache.get(requestHash(provider, request), signal, paid);
    });
  return {
    name,
    model,
    price,
    chat: (request, call) =>
      traced(tracer, 'chat', { parent: call.traceparent, kind: 'client', attributes }, async (span) => {
        const response = await ask(request, call);
        span.set({
          'gen_ai.usage.input_tokens': response.usage.inputTokens,
          'gen_ai.usage.output_tokens': response.usage.outputTokens,
        });
        return response;
      }),
  };
}

/** A call that isn't answered from the cache: its reservation, its turn, its tries. */
async function pay(
  provider: ModelProvider,
  { budget, limiter, caller, retry = DEFAULT_RETRY, clock = systemClock, random = systemRandom }: ModelOptions,
  request: ChatRequest,
  { signal, timeoutMs, idempotencyKey = random.id(26) }: ChatOptions & { readonly signal: AbortSignal },
): Promise<ChatResponse> {
  const until = clock.monotonic() + timeoutMs;
  const estimate = estimateUsage(request);
  const most = amountOf(estimate, costOf(estimate, provider.price));
  let held = budget?.reserve(most);
  try {
    await limiter?.acquire(most.tokens, signal, caller);
    for (let attempt = 1; ; attempt++) {
      // Before it is sent, so that what never was costs nothing.
      if (signal.aborted) throw abortError(signal);
      if (attempt > 1) {
        held = budget?.reserve(most);
        // It has had its turn; those behind it wait for what it takes now.
        limiter?.take(most.tokens);
      }
      const attemptMs = Math.min(retry.attemptMs ?? timeoutMs, until - clock.monotonic());
      try {
        const response = await provider.chat(request, { signal, idempotencyKey, timeoutMs: attemptMs });
        const spent = amountOf(response.usage, response.costMicroUsd);
        held?.settle(spent);
        limiter?.refund(most.tokens - spent.tokens);
        return response;
      } catch (thrown) {
        const error = asTroupeError(thrown, 'HANDLER_FAILED', { address: provider.name });
        const unknown = signal.aborted || error.data.outcome === 'unknown' || OUTCOME_UNKNOWN.has(error.code);
        held?.settle(unknown ? most : NOTHING);
        const afterMs = Number(error.data.retryAfterMs ?? 0);
        if (afterMs > 0) limiter?.pause(afterMs);
        const waitMs = Math.max(afterMs, backoffMs(retry, attempt - 1, random));
        const again = error.retryable && attempt < retry.attemptsMax && clock.monotonic() + waitMs < until;
        if (!again || signal.aborted) throw error;
        await delay(clock, waitMs, signal);
      }
    }
  } finally {
    held?.settle(NOTHING);
  }
}
