import { z } from 'zod';
import { TroupeError } from '../core/index.ts';
import type { AssistantMessage, ChatRequest, ChatResponse, FinishReason, Message } from './provider.ts';
import { estimateSpent } from './usage.ts';

/** Longest text of a vendor that an error repeats, characters. */
const QUOTED_CHARS_MAX = 500;

const REASONS: ReadonlySet<string> = new Set<FinishReason>(['stop', 'length', 'tool_calls', 'content_filter']);

const tokens = z.int().nonnegative();

const Call = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) });

const Choice = z.object({
  finish_reason: z.string().nullish(),
  message: z.object({
    content: z.string().nullish(),
    refusal: z.string().nullish(),
    tool_calls: z.array(Call).nullish(),
  }),
});

const Completion = z.object({
  model: z.string().optional(),
  choices: z.tuple([Choice], z.unknown()),
  usage: z.object({ prompt_tokens: tokens, completion_tokens: tokens }).nullish(),
});

const Failure = z.object({ error: z.object({ message: z.string(), code: z.unknown(), type: z.unknown() }) });

/** What the body of an answer holds. */
export type Decoded = Pick<ChatResponse, 'message' | 'finishReason' | 'usage'> & { readonly model: string | undefined };

/** What a failed call's body says. */
export interface VendorFailure {
  readonly message: string;
  /** The account has no money left: waiting doesn't help. */
  readonly outOfQuota: boolean;
}

/** The body of a chat-completions request, in the published form. @param tokensField how this service calls the limit */
export function encodeRequest(
  model: string,
  request: ChatRequest,
  tokensField: 'max_tokens' | 'max_completion_tokens',
): Record<string, unknown> {
  const { messages, tools, toolChoice, outputTokensMax, temperature, stop } = request;
  return {
    model,
    messages: messages.map(encodeMessage),
    tools: tools?.map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, description, parameters },
    })),
    tool_choice: toolChoice,
    [tokensField]: outputTokensMax,
    temperature,
    stop,
  };
}

function encodeMessage(message: Message): Record<string, unknown> {
  const { role, content } = message;
  if (role === 'tool') return { role, content, tool_call_id: message.toolCallId };
  if (role !== 'assistant' || !message.toolCalls?.length) return { role, content };
  const calls = message.toolCalls.map(({ id, ...call }) => ({ id, type: 'function', function: call }));
  return { role, content: content || null, tool_calls: calls };
}

/**
 * Reads a chat completion: its first choice. A service that doesn't count tokens gets our estimate.
 *
 * @param address who said it
 * @throws TroupeError PROTOCOL_VIOLATION
 */
export function decodeResponse(text: string, request: ChatRequest, address: string): Decoded {
  const { data, error } = Completion.safeParse(parseJson(text));
  if (data === undefined) {
    const [issue] = error.issues;
    const what = `${address} answered no chat completion (${issue?.path.join('.')} ${issue?.message})`;
    throw new TroupeError('PROTOCOL_VIOLATION', `${what}: ${decodeFailure(text).message}`, { address });
  }
  const { choices, usage } = data;
  const { message: said, finish_reason: reason } = choices[0];
  const toolCalls = said.tool_calls?.map(({ id, function: call }) => ({ id, ...call }));
  const message: AssistantMessage = {
    role: 'assistant',
    content: said.content ?? said.refusal ?? '',
    ...(toolCalls?.length ? { toolCalls } : {}),
  };
  return {
    message,
    finishReason: said.refusal ? 'content_filter' : finishReason(reason),
    usage: usage
      ? { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens }
      : estimateSpent(request, message),
    model: data.model,
  };
}

function finishReason(reason: string | null | undefined): FinishReason {
  return REASONS.has(reason ?? '') ? (reason as FinishReason) : 'other';
}

/** Reads the body of a failed call, whatever it is. */
export function decodeFailure(text: string): VendorFailure {
  const { data } = Failure.safeParse(parseJson(text));
  return {
    message: (data?.error.message ?? text).slice(0, QUOTED_CHARS_MAX),
    outOfQuota: data?.error.code === 'insufficient_quota' || data?.error.type === 'insufficient_quota',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
