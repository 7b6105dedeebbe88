import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isTroupeError, TroupeError } from '../../../src/core/index.ts';
import {
  type ChatRequest,
  HttpModel,
  type ModelProvider,
  type Price,
  ScriptedModel,
  type ToolCall,
} from '../../../src/model/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';
import { chatServer, completion, json } from './chat-server.ts';

/** What every provider promises, whatever is behind it. */
interface Bench extends AsyncDisposable {
  readonly provider: ModelProvider;
  readonly clock: ManualClock;
  /** The next call's outcome; usage is 19 tokens in and 10 out. */
  next(outcome: { text: string } | { toolCalls: ToolCall[] } | 'overloaded' | 'broken' | 'hang'): void;
  calls(): number;
  /** Settles when the next call is under way. */
  underWay(): Promise<void>;
}

const price: Price = { inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 };
const usage = { inputTokens: 19, outputTokens: 10 };
const hello: ChatRequest = { messages: [{ role: 'user', content: 'hello' }] };
const call: ToolCall = { id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' };

async function http(): Promise<Bench> {
  const server = await chatServer();
  const clock = new ManualClock();
  const provider = new HttpModel({ baseUrl: server.baseUrl, model: 'small-1', prices: { 'small-1': price }, clock });
  return {
    provider,
    clock,
    calls: () => server.seen.length,
    underWay: server.arrival,
    next(outcome) {
      if (outcome === 'hang') server.reply(() => {});
      else if (outcome === 'broken') server.reply(json(500, { error: { message: 'oops', type: 'server_error' } }));
      else if (outcome === 'overloaded') {
        server.reply(
          json(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }, { 'retry-after': '7' }),
        );
      } else if ('text' in outcome) server.reply(completion({ content: outcome.text }));
      else {
        const calls = outcome.toolCalls.map(({ id, ...rest }) => ({ id, type: 'function', function: rest }));
        server.reply(completion({ tool_calls: calls }));
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function scripted(): Promise<Bench> {
  const clock = new ManualClock();
  const outcomes: Parameters<Bench['next']>[0][] = [];
  let arrived = (): void => {};
  const provider = new ScriptedModel(
    async () => {
      arrived();
      const outcome = outcomes.shift();
      if (outcome === 'hang') return new Promise<never>(() => {});
      if (outcome === 'broken') return new TroupeError('NODE_UNAVAILABLE', 'oops');
      if (outcome === 'overloaded') {
        return new TroupeError('OVERLOADED', 'slow down', { data: { retryAfterMs: 7_000 } });
      }
      return 'text' in (outcome ?? {}) ? { content: (outcome as { text: string }).text, usage } : { ...outcome, usage };
    },
    { clock, price },
  );
  return {
    provider,
    clock,
    next: (outcome) => outcomes.push(outcome),
    calls: () => provider.calls,
    underWay: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
    [Symbol.asyncDispose]: async () => {},
  };
}

describe.each([
  ['http', http],
  ['scripted', scripted],
])('a %s provider', (_, open) => {
  test('answers with text, usage, cost and the reason it ended', async () => {
    await using bench = await open();
    bench.next({ text: 'Hello! How can I help?' });
    const { signal } = new AbortController();
    const answer = await bench.provider.chat(hello, { timeoutMs: 1_000, signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(answer.message).toEqual({ role: 'assistant', content: 'Hello! How can I help?' });
    expect(answer).toMatchObject({ finishReason: 'stop', usage, costMicroUsd: Math.ceil(19 * 0.15 + 10 * 0.6) });
    expect(answer.model).toMatch(/./);
    expect(bench.clock.pending).toBe(0);
  });

  test('asks for tools, and takes their results back', async () => {
    await using bench = await open();
    bench.next({ toolCalls: [call] });
    const tools = [{ name: 'weather', description: 'of a city', parameters: { type: 'object' } }];
    const wish = await bench.provider.chat({ ...hello, tools }, { timeoutMs: 1_000 });
    expect(wish).toMatchObject({ finishReason: 'tool_calls', message: { content: '', toolCalls: [call] } });
    bench.next({ text: 'Sunny.' });
    const result = { role: 'tool', toolCallId: call.id, content: '22 C' } as const;
    const messages = [...hello.messages, wish.message, result];
    expect((await bench.provider.chat({ messages, tools }, { timeoutMs: 1_000 })).message.content).toBe('Sunny.');
  });

  test('says when to come back after a rate limit', async () => {
    await using bench = await open();
    bench.next('overloaded');
    const failed = bench.provider.chat(hello, { timeoutMs: 1_000 });
    await expect(failed).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, data: { retryAfterMs: 7_000 } });
  });

  test('fails retryably when the service fails', async () => {
    await using bench = await open();
    bench.next('broken');
    const failed = bench.provider.chat(hello, { timeoutMs: 1_000 });
    await expect(failed).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE', retryable: true });
  });

  test('gives up when the time is over', async () => {
    await using bench = await open();
    bench.next('hang');
    const under = bench.underWay();
    const failed = bench.provider.chat(hello, { timeoutMs: 1_000 }).catch((error: unknown) => error);
    await under;
    await bench.clock.advance(999);
    expect(bench.clock.pending).toBe(1);
    await bench.clock.advance(1);
    expect(await failed).toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  test('gives up when it is cancelled, and does not start what is cancelled already', async () => {
    await using bench = await open();
    bench.next('hang');
    const controller = new AbortController();
    const options = { timeoutMs: 1_000, signal: controller.signal };
    const under = bench.underWay();
    const failed = bench.provider.chat(hello, options).catch((error: unknown) => error);
    await under;
    controller.abort();
    expect(isTroupeError(await failed, 'CANCELLED')).toBe(true);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(bench.clock.pending).toBe(0);
    await expect(bench.provider.chat(hello, options)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(bench.calls()).toBe(1);
  });

  test("keeps the reason of the caller's signal when it is an error of ours", async () => {
    await using bench = await open();
    const signal = AbortSignal.abort(new TroupeError('ACTOR_TERMINATED', 'restarted'));
    await expect(bench.provider.chat(hello, { timeoutMs: 1, signal })).rejects.toMatchObject({
      code: 'ACTOR_TERMINATED',
    });
  });

  test.each([
    [0, 'TIMEOUT'],
    [-5, 'TIMEOUT'],
    [Number.NaN, 'INVALID_ARGUMENT'],
    [Number.POSITIVE_INFINITY, 'INVALID_ARGUMENT'],
  ])('asks nothing with a time of %s ms', async (timeoutMs, code) => {
    await using bench = await open();
    await expect(bench.provider.chat(hello, { timeoutMs })).rejects.toMatchObject({ code });
    expect(bench.calls()).toBe(0);
  });
});
