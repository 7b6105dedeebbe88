import { type Clock, systemClock, TroupeError } from '../core/index.ts';
import { withDeadline } from './deadline.ts';
import type {
  AssistantMessage,
  ChatOptions,
  ChatRequest,
  ChatResponse,
  FinishReason,
  ModelProvider,
  ToolCall,
} from './provider.ts';
import { costOf, estimateSpent, type Price, type Usage } from './usage.ts';

/** What a script answers: a text, an answer in parts, or an error that is thrown. */
export type ScriptedAnswer =
  | string
  | TroupeError
  | {
      readonly content?: string;
      readonly toolCalls?: readonly ToolCall[];
      /** Default: `tool_calls` when there are any, else `stop`. */
      readonly finishReason?: FinishReason;
      /** Default: by the length of what is said. */
      readonly usage?: Usage;
    };

/** Answers in their order, or what to answer to a request; a promise may take its time, or never settle. */
export type Script =
  | readonly ScriptedAnswer[]
  | ((request: ChatRequest, options: ChatOptions) => ScriptedAnswer | Promise<ScriptedAnswer>);

/** How a scripted model presents itself. */
export interface ScriptedModelOptions {
  readonly name?: string;
  readonly model?: string;
  readonly price?: Price;
  readonly clock?: Clock;
}

/**
 * A model that answers from a script, in memory: the same script and requests give the same answers, usage and cost. For
 * tests, demonstrations, and runs without a key.
 *
 * @example
 * const model = new ScriptedModel((request) => `You said: ${request.messages.at(-1)?.content}`);
 */
export class ScriptedModel implements ModelProvider {
  readonly name: string;
  readonly model: string;
  readonly price: Price | undefined;
  readonly #script: Script;
  readonly #clock: Clock;
  #calls = 0;

  constructor(
    script: Script,
    { name = 'scripted', model = 'script', price, clock = systemClock }: ScriptedModelOptions = {},
  ) {
    this.name = name;
    this.model = model;
    this.price = price;
    this.#script = script;
    this.#clock = clock;
  }

  /** Requests that have come in. */
  get calls(): number {
    return this.#calls;
  }

  /** @throws TroupeError what the script says; NOT_FOUND when its list is at its end; TIMEOUT; CANCELLED */
  chat(request: ChatRequest, options: ChatOptions): Promise<ChatResponse> {
    return withDeadline(this.#clock, options, async (signal) => {
      const at = this.#calls++;
      const script = this.#script;
      const answer = typeof script === 'function' ? await script(request, { ...options, signal }) : script[at];
      if (answer === undefined) throw new TroupeError('NOT_FOUND', `the script ends after ${at} answers`);
      if (answer instanceof TroupeError) throw answer;
      return this.#response(request, typeof answer === 'string' ? { content: answer } : answer);
    });
  }

  #response(request: ChatRequest, answer: Exclude<ScriptedAnswer, string | TroupeError>): ChatResponse {
    const { content = '', toolCalls } = answer;
    const message: AssistantMessage = { role: 'assistant', content, ...(toolCalls === undefined ? {} : { toolCalls }) };
    const usage = answer.usage ?? estimateSpent(request, message);
    return {
      message,
      finishReason: answer.finishReason ?? (toolCalls === undefined ? 'stop' : 'tool_calls'),
      usage,
      costMicroUsd: costOf(usage, this.price),
      model: this.model,
    };
  }
}
