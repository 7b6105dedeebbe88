import { describe, expect, test } from 'vitest';
import { SeededRandom, type Span, type SpanOptions, type Tracer, TroupeError } from '../../../src/core/index.ts';
import {
  Budget,
  type ChatOptions,
  type ChatRequest,
  Limiter,
  type ModelOptions,
  type ModelProvider,
  model,
  ResponseCache,
  type Script,
  ScriptedModel,
} from '../../../src/model/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const request: ChatRequest = { messages: [{ role: 'user', content: 'hello' }], outputTokensMax: 100 };
const usage = { inputTokens: 20, outputTokens: 10 };
const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 2 };
const retry = { attemptsMax: 3, minMs: 100, maxMs: 1_000, jitter: 0 };

function rig(script: Script, options: ModelOptions = {}) {
  const clock = options.clock ?? new ManualClock();
  const provider = new ScriptedModel(script, { clock, price });
  const composed = model(provider, { retry, clock, random: new SeededRandom(1), ...options });
  /** The outcome, once it is there. */
  const chat = (call: Partial<ChatOptions> = {}, asked = request, through = composed) => {
    const result: { content?: string; code?: string; cached?: boolean } = {};
    through.chat(asked, { timeoutMs: 10_000, ...call }).then(
      ({ message, cached }) => Object.assign(result, { content: message.content, ...(cached ? { cached } : {}) }),
      (error: TroupeError) => Object.assign(result, { code: error.code }),
    );
    return result;
  };
  return { clock: clock as ManualClock, provider, composed, chat };
}

const down = new TroupeError('NODE_UNAVAILABLE', 'down');
const hang = (): Promise<never> => new Promise(() => {});
const reply = { content: 'ok', usage };

test('a composed model is a provider like any other', async () => {
  const { composed, provider, clock } = rig([reply]);
  expect(composed).toMatchObject({ name: provider.name, model: provider.model, price });
  expect(await composed.chat(request, { timeoutMs: 1 })).toMatchObject({ usage, costMicroUsd: 40 });
  expect(clock.pending).toBe(0);
});

describe('tries', () => {
  test('back off and end with the answer, all under one idempotency key', async () => {
    const keys: (string | undefined)[] = [];
    const outcomes = [down, down, reply];
    const { clock, chat, provider } = rig((_, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      return outcomes.shift() ?? down;
    });
    const result = chat();
    await clock.advance(99);
    expect(provider.calls).toBe(1);
    await clock.advance(1);
    expect(provider.calls).toBe(2);
    await clock.advance(200);
    expect(result).toEqual({ content: 'ok' });
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[a-z2-7]{26}$/);
  });

  test("keep the caller's key", async () => {
    let key: string | undefined;
    const { clock, chat } = rig((_, options) => {
      key = options.idempotencyKey;
      return reply;
    });
    chat({ idempotencyKey: 'turn-7' });
    await clock.settle();
    expect(key).toBe('turn-7');
  });

  test('end at their limit with the last error', async () => {
    const { clock, chat, provider } = rig(() => down);
    const result = chat();
    await clock.advance(10_000);
    expect(result).toEqual({ code: 'NODE_UNAVAILABLE' });
    expect(provider.calls).toBe(3);
  });

  test('are not repeated when that can not help', async () => {
    const { clock, chat, provider } = rig(() => new TroupeError('INVALID_ARGUMENT', 'no'));
    const result = chat();
    await clock.settle();
    expect(result).toEqual({ code: 'INVALID_ARGUMENT' });
    expect(provider.calls).toBe(1);
  });

  test('wait as long as the service says', async () => {
    const slow = new TroupeError('OVERLOADED', 'slow', { data: { retryAfterMs: 5_000 } });
    const { clock, chat, provider } = rig([slow, reply]);
    const result = chat();
    await clock.advance(4_999);
    expect(provider.calls).toBe(1);
    await clock.advance(1);
    expect(result).toEqual({ content: 'ok' });
  });

  test('fail at once when the time would be over before the next', async () => {
    const slow = new TroupeError('OVERLOADED', 'slow', { data: { retryAfterMs: 10_000 } });
    const { clock, chat } = rig(() => slow);
    const result = chat();
    await clock.settle();
    expect(result).toEqual({ code: 'OVERLOADED' });
    expect(clock.pending).toBe(0);
  });

  test('of a service that hangs are given up one by one when their time is limited', async () => {
    let calls = 0;
    const { clock, chat } = rig(() => (calls++ === 0 ? hang() : reply), { retry: { ...retry, attemptMs: 1_000 } });
    const result = chat();
    await clock.advance(1_100);
    expect(result).toEqual({ content: 'ok' });
  });

  test('end with the time of the whole call, and with its cancellation', async () => {
    const { clock, chat, provider } = rig(hang);
    const late = chat({ timeoutMs: 500 });
    await clock.advance(500);
    expect(late).toEqual({ code: 'TIMEOUT' });
    const controller = new AbortController();
    const back = chat({ signal: controller.signal });
    await clock.settle();
    controller.abort();
    await clock.settle();
    expect(back).toEqual({ code: 'CANCELLED' });
    expect(provider.calls).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test('stop during the wait between them', async () => {
    const controller = new AbortController();
    const { clock, chat, provider } = rig(() => down);
    const result = chat({ signal: controller.signal });
    await clock.settle();
    controller.abort();
    await clock.settle();
    expect(result).toEqual({ code: 'CANCELLED' });
    expect(clock.pending).toBe(0);
    expect(provider.calls).toBe(1);
  });

  test('pass on what a foreign provider throws, as an error of ours', async () => {
    const foreign: ModelProvider = { name: 'f', model: 'm', chat: () => Promise.reject(new TypeError('odd')) };
    await expect(model(foreign).chat(request, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  });
});

describe('with a budget', () => {
  test('calls book what they used, and the next one is refused when nothing is left', async () => {
    const budget = new Budget({ tokens: 170 });
    const { clock, chat, provider } = rig(() => reply, { budget });
    const together = [chat(), chat()];
    await clock.settle();
    expect(together).toEqual([{ content: 'ok' }, { code: 'BUDGET_EXCEEDED' }]);
    expect(budget.spent).toEqual({ tokens: 30, costMicroUsd: 40 });
    expect(budget.reserved.tokens).toBe(0);
    const later = [];
    for (let i = 0; i < 2; i++) {
      later.push(chat());
      await clock.settle();
    }
    expect(later).toEqual([{ content: 'ok' }, { code: 'BUDGET_EXCEEDED' }]);
    expect(provider.calls).toBe(2);
  });

  test('a call that the service refused costs nothing', async () => {
    const budget = new Budget({ tokens: 1_000 });
    const { clock, chat } = rig(() => down, { budget });
    chat();
    await clock.advance(10_000);
    expect([budget.spent.tokens, budget.reserved.tokens]).toEqual([0, 0]);
  });

  test.each([
    ['its time is over', {}],
    ['it is cancelled', { reason: 'enough' }],
    ['its actor ended', { reason: new TroupeError('ACTOR_TERMINATED', 'gone') }],
  ])('a call is booked in full when %s, for the work may be done', async (_, { reason }: { reason?: unknown }) => {
    const budget = new Budget({ tokens: 1_000 });
    const controller = new AbortController();
    const { clock, chat } = rig(hang, { budget });
    chat({ signal: controller.signal, timeoutMs: 1_000 });
    await clock.settle();
    const { tokens } = budget.reserved;
    if (reason !== undefined) controller.abort(reason);
    await clock.advance(1_000);
    expect(tokens).toBeGreaterThan(100);
    expect([budget.spent.tokens, budget.reserved.tokens]).toEqual([tokens, 0]);
  });

  test('a call whose connection broke is booked, for the work may be done', async () => {
    const budget = new Budget({});
    const broken = new TroupeError('NODE_UNAVAILABLE', 'cut', { data: { outcome: 'unknown' } });
    const { clock, chat } = rig([broken, reply], { budget });
    const result = chat();
    await clock.settle();
    const { tokens } = budget.spent;
    expect(tokens).toBeGreaterThan(100);
    await clock.advance(100);
    expect(result).toEqual({ content: 'ok' });
    expect(budget.spent.tokens).toBe(tokens + 30);
  });

  test('a try after one that is booked needs room of its own', async () => {
    const budget = new Budget({ tokens: 200 });
    const { clock, chat, provider } = rig(hang, { budget, retry: { ...retry, attemptMs: 1_000 } });
    const result = chat();
    await clock.advance(10_000);
    expect(result).toEqual({ code: 'BUDGET_EXCEEDED' });
    expect(provider.calls).toBe(1);
    expect(budget.reserved.tokens).toBe(0);
  });

  test('of money, a provider needs a price', () => {
    const provider = new ScriptedModel([]);
    expect(() => model(provider, { budget: new Budget({ costMicroUsd: 1 }).child({}) })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('with a limiter', () => {
  test('calls wait their turn, and the wait counts as time of the call', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ requestsPerMinute: 60, burstMs: 1_000, clock });
    const budget = new Budget({});
    const { chat, provider } = rig(() => reply, { limiter, clock, budget });
    const results = [chat(), chat(), chat({ timeoutMs: 1_500 })];
    await clock.advance(1_000);
    expect(provider.calls).toBe(2);
    await clock.advance(500);
    expect(results).toEqual([{ content: 'ok' }, { content: 'ok' }, { code: 'TIMEOUT' }]);
    // It never reached the service, so it cost nothing.
    expect(budget.spent.tokens).toBe(60);
    expect([budget.reserved.tokens, limiter.queued]).toEqual([0, 0]);
  });

  test('a call that is taken back the moment its turn comes is not sent and costs nothing', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ tokensPerMinute: 60_000, burstMs: 1_000, clock });
    const budget = new Budget({});
    const { chat, provider } = rig(() => reply, { limiter, clock, budget });
    limiter.take(1_000);
    const controller = new AbortController();
    const result = chat({ signal: controller.signal });
    limiter.refund(1_000);
    controller.abort();
    await clock.settle();
    expect(result).toEqual({ code: 'CANCELLED' });
    expect([provider.calls, budget.spent.tokens, budget.reserved.tokens]).toEqual([0, 0, 0]);
  });

  test('tokens that were reserved and not used are free for the next', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ tokensPerMinute: 60_000, burstMs: 200, clock });
    const { chat } = rig(() => reply, { limiter, clock });
    const results = [chat(), chat()];
    await clock.settle();
    expect(results).toEqual([{ content: 'ok' }, { content: 'ok' }]);
  });

  test('a rate limit holds everyone back, not only who met it', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ clock });
    const slow = new TroupeError('OVERLOADED', 'slow', { data: { retryAfterMs: 3_000 } });
    const { chat, provider } = rig([slow, reply, reply], { limiter, clock });
    const first = chat();
    await clock.settle();
    const second = chat();
    await clock.advance(2_999);
    expect(provider.calls).toBe(1);
    await clock.advance(1);
    expect([first, second]).toEqual([{ content: 'ok' }, { content: 'ok' }]);
  });

  test('repeated tries are requests too', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ requestsPerMinute: 60, burstMs: 1_000, clock });
    const { chat, provider } = rig([down, reply, reply], { limiter, clock });
    chat();
    await clock.advance(100);
    expect(provider.calls).toBe(2);
    const next = chat();
    await clock.advance(1_800);
    expect(next).toEqual({});
    await clock.advance(200);
    expect(next).toEqual({ content: 'ok' });
  });

  test('callers take turns', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ requestsPerMinute: 60, burstMs: 1_000, clock });
    const asked: string[] = [];
    const { provider, chat } = rig(
      ({ messages }) => {
        asked.push(messages[0]?.content ?? '');
        return reply;
      },
      { limiter, clock },
    );
    const as = (caller: string) => model(provider, { limiter, clock, caller });
    const say = (content: string): ChatRequest => ({ messages: [{ role: 'user', content }] });
    for (const n of ['1', '2', '3']) chat({}, say(`flood${n}`), as('flood'));
    chat({}, say('other'), as('other'));
    await clock.advance(9_000);
    expect(asked).toEqual(['flood1', 'flood2', 'other', 'flood3']);
  });
});

describe('with a cache', () => {
  test('equal calls cost once, together or one after the other, and need no budget or turn', async () => {
    const clock = new ManualClock();
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const limiter = new Limiter({ requestsPerMinute: 60, burstMs: 1_000, clock });
    const budget = new Budget({ tokens: 150 });
    const { chat, provider } = rig(() => reply, { cache, limiter, budget, clock });
    const together = [chat(), chat()];
    await clock.settle();
    expect(together).toEqual([{ content: 'ok' }, { content: 'ok', cached: true }]);
    budget.reserve({ tokens: 120, costMicroUsd: 0 });
    const later = chat();
    await clock.settle();
    expect(later).toEqual({ content: 'ok', cached: true });
    expect([provider.calls, budget.spent.tokens]).toEqual([1, 30]);
  });

  test('who has no budget left does not spoil it for others', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const { clock, provider, chat } = rig(() => reply);
    const poor = chat({}, request, model(provider, { cache, clock, budget: new Budget({ tokens: 1 }) }));
    const rich = chat({}, request, model(provider, { cache, clock }));
    await clock.settle();
    await clock.settle();
    expect([poor, rich]).toEqual([{ code: 'BUDGET_EXCEEDED' }, { content: 'ok' }]);
  });

  test('who has more time than the one who asked first goes on alone', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    let calls = 0;
    const { clock, chat } = rig(() => (calls++ === 0 ? hang() : reply), { cache });
    const short = chat({ timeoutMs: 1_000 });
    const long = chat({ timeoutMs: 5_000 });
    await clock.advance(1_000);
    await clock.settle();
    expect([short, long]).toEqual([{ code: 'TIMEOUT' }, { content: 'ok' }]);
  });
});

test('a sampled call has a span with its tokens, or its error', async () => {
  const spans: [string, SpanOptions | undefined, unknown[]][] = [];
  const tracer: Tracer = {
    enabled: true,
    start(name, options) {
      const events: unknown[] = [];
      spans.push([name, options, events]);
      const span: Span = { traceparent: 'child', set: (a) => events.push(a), event() {}, end: (e) => events.push(e) };
      return span;
    },
  };
  const { composed, clock } = rig([reply, new TroupeError('INVALID_ARGUMENT', 'no')], { tracer });
  await composed.chat(request, { timeoutMs: 1, traceparent: 'parent' });
  await expect(composed.chat(request, { timeoutMs: 1, traceparent: 'parent' })).rejects.toThrow('no');
  await composed.chat(request, { timeoutMs: 1 }).catch(() => undefined);
  await clock.settle();
  expect(spans).toHaveLength(2);
  expect(spans[0]).toMatchObject([
    'chat',
    {
      parent: 'parent',
      kind: 'client',
      attributes: { 'gen_ai.request.model': 'script', 'gen_ai.provider.name': 'scripted' },
    },
    [{ 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 10 }, undefined],
  ]);
  expect(spans[1]?.[2]).toMatchObject([{ code: 'INVALID_ARGUMENT' }]);
});
