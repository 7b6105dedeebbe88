import { describe, expect, test } from 'vitest';
import { TroupeError } from '../../../src/core/index.ts';
import { type ChatRequest, type ChatResponse, ResponseCache, requestHash } from '../../../src/model/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const never = new AbortController().signal;

function answer(content: string, more: Partial<ChatResponse> = {}): ChatResponse {
  const usage = { inputTokens: 1, outputTokens: 1 };
  return { message: { role: 'assistant', content }, finishReason: 'stop', usage, costMicroUsd: 5, model: 'm', ...more };
}

/** Calls that a test ends by hand. */
function calls() {
  const open: { signal: AbortSignal; resolve: (r: ChatResponse) => void; reject: (e: unknown) => void }[] = [];
  const call = (signal: AbortSignal): Promise<ChatResponse> =>
    new Promise((resolve, reject) => open.push({ signal, resolve, reject }));
  return { open, call };
}

describe('the hash of a request', () => {
  const hash = (request: ChatRequest, model = 'm') => requestHash({ name: 'p', model }, request);
  const messages = [{ role: 'user', content: 'hi' }] as const;

  test('is the same whatever the order of fields, and whether undefined ones are there', () => {
    const tool = { name: 't', parameters: { type: 'object', properties: { a: {}, b: {} } } };
    const same = { parameters: { properties: { b: {}, a: {} }, type: 'object' }, name: 't' };
    expect(hash({ temperature: 0, messages, tools: [tool] })).toBe(
      hash({
        tools: [same],
        messages: [{ content: 'hi', role: 'user' }],
        temperature: 0,
        stop: undefined,
      } as ChatRequest),
    );
    expect(hash({ messages })).toMatch(/^[0-9a-f]{64}$/);
  });

  test('differs for whatever may change the answer', () => {
    const requests: ChatRequest[] = [
      { messages },
      { messages, temperature: 0 },
      { messages, outputTokensMax: 1 },
      { messages: [...messages, ...messages] },
      { messages: [{ role: 'system', content: 'hi' }] },
      { messages, stop: ['a', 'b'] },
      { messages, stop: ['b', 'a'] },
    ];
    const hashes = [...requests.map((request) => hash(request)), hash({ messages }, 'other')];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('answers', () => {
  test('are given again without a call, at no cost, and are nobody else’s to change', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const first = await cache.get('k', never, async () => answer('yes'));
    expect(first).toEqual(answer('yes'));
    (first.message as { content: string }).content = 'changed';
    const none = () => expect.unreachable();
    expect(await cache.get('k', never, none)).toEqual(answer('yes', { cached: true, costMicroUsd: 0 }));
  });

  test('of failed calls and withheld answers are not kept', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    await expect(cache.get('k', never, () => Promise.reject(new TroupeError('OVERLOADED', 'x')))).rejects.toThrow('x');
    await cache.get('k', never, async () => answer('', { finishReason: 'content_filter' }));
    expect((await cache.get('k', never, async () => answer('third'))).message.content).toBe('third');
  });

  test('stay under their limit in bytes; the least used go first', async () => {
    const cache = new ResponseCache({ bytesMax: 5_000 });
    const ask = (key: string, length = 500) => cache.get(key, never, async () => answer('x'.repeat(length)));
    for (let i = 0; i < 50; i++) {
      await ask(`k${i}`);
      await ask('k0');
      expect(cache.bytes).toBeLessThanOrEqual(5_000);
    }
    expect((await ask('k0')).cached).toBe(true);
    expect((await ask('k1')).cached).toBeUndefined();
    await ask('huge', 10_000);
    expect((await ask('k0')).cached).toBe(true);
  });
});

describe('concurrent equal requests', () => {
  test('cost one call', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const { open, call } = calls();
    const all = Promise.all([1, 2, 3].map(() => cache.get('k', never, call)));
    expect(open).toHaveLength(1);
    open[0]?.resolve(answer('one'));
    const answers = await all;
    expect(answers.map(({ costMicroUsd }) => costMicroUsd)).toEqual([5, 0, 0]);
    expect(answers.map(({ cached }) => cached)).toEqual([undefined, true, true]);
    expect(answers[1]?.message).not.toBe(answers[2]?.message);
  });

  test('go on while anyone waits, also without the one who started', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const { open, call } = calls();
    const [a, b] = [new AbortController(), new AbortController()];
    const first = cache.get('k', a.signal, call);
    const second = cache.get('k', b.signal, call);
    a.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(open[0]?.signal.aborted).toBe(false);
    open[0]?.resolve(answer('kept'));
    expect((await second).message.content).toBe('kept');
    expect(open).toHaveLength(1);
  });

  test('end when all have given up, and whoever comes later starts anew', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const { open, call } = calls();
    const controller = new AbortController();
    const given = [1, 2].map(() => cache.get('k', controller.signal, call));
    controller.abort();
    for (const one of given) await expect(one).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(open[0]?.signal.aborted).toBe(true);
    const later = cache.get('k', never, call);
    expect(open).toHaveLength(2);
    // The one given up ends late: the newcomer's call is untouched.
    open[0]?.reject(new TroupeError('CANCELLED', 'x'));
    await new ManualClock().settle();
    const joined = cache.get('k', never, call);
    expect(open).toHaveLength(2);
    open[1]?.resolve(answer('new'));
    expect((await Promise.all([later, joined])).map(({ message }) => message.content)).toEqual(['new', 'new']);
  });

  test('share a failure of the service', async () => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const { open, call } = calls();
    const all = [1, 2].map(() => cache.get('k', never, call));
    open[0]?.reject(new TroupeError('NODE_UNAVAILABLE', 'down'));
    for (const one of all) await expect(one).rejects.toMatchObject({ code: 'NODE_UNAVAILABLE' });
    expect(open).toHaveLength(1);
  });

  test.each(['BUDGET_EXCEEDED', 'TIMEOUT'] as const)('do not share %s: the next one asks', async (code) => {
    const cache = new ResponseCache({ bytesMax: 10_000 });
    const poor = cache.get('k', never, () => Promise.reject(new TroupeError(code, 'mine')));
    const { open, call } = calls();
    const others = [1, 2].map(() => cache.get('k', never, call));
    await expect(poor).rejects.toMatchObject({ code });
    await Promise.resolve();
    expect(open).toHaveLength(1);
    open[0]?.resolve(answer('paid'));
    expect((await Promise.all(others)).map(({ cached }) => cached)).toEqual([undefined, true]);
  });
});
