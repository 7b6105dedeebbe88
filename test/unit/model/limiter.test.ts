import { describe, expect, test } from 'vitest';
import { Limiter, type LimiterOptions } from '../../../src/model/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const never = new AbortController().signal;

/** A limiter whose burst is used up, and the order in which it lets calls through. */
function empty(options: LimiterOptions) {
  const clock = new ManualClock();
  const limiter = new Limiter({ clock, ...options });
  const admitted: string[] = [];
  const enter = (name: string, { tokens = 1, caller = '', signal = never } = {}): Promise<void> =>
    limiter.acquire(tokens, signal, caller).then(() => {
      admitted.push(`${name}@${clock.monotonic()}`);
    });
  return { clock, limiter, admitted, enter };
}

describe('rates', () => {
  test('a burst passes at once, then one at a time as the rate allows', async () => {
    const { clock, admitted, enter } = empty({ requestsPerMinute: 60, burstMs: 3_000 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) void enter(name);
    await clock.advance(5_000);
    expect(admitted).toEqual(['a@0', 'b@0', 'c@0', 'd@1000', 'e@2000']);
    expect(clock.pending).toBe(0);
  });

  test('over any minute no more passes than the rate and one burst', async () => {
    const { clock, admitted, enter } = empty({ requestsPerMinute: 100, burstMs: 6_000 });
    for (let i = 0; i < 500; i++) void enter(`${i}`);
    await clock.advance(60_000);
    expect(admitted).toHaveLength(110);
  });

  test('tokens are limited beside requests, and the scarcer one counts', async () => {
    const { clock, admitted, enter } = empty({ requestsPerMinute: 6_000, tokensPerMinute: 6_000, burstMs: 1_000 });
    void enter('a', { tokens: 100 });
    void enter('b', { tokens: 50 });
    void enter('c', { tokens: 20 });
    await clock.advance(1_000);
    expect(admitted).toEqual(['a@0', 'b@500', 'c@700']);
  });

  test('a call that is bigger than the bucket passes when it is full, and leaves a debt', async () => {
    const { clock, admitted, enter } = empty({ tokensPerMinute: 60_000, burstMs: 1_000 });
    void enter('big', { tokens: 3_000 });
    void enter('next', { tokens: 1_000 });
    await clock.advance(10_000);
    expect(admitted).toEqual(['big@0', 'next@3000']);
  });

  test('unused tokens come back, and overspent ones are waited for', async () => {
    const { clock, limiter, admitted, enter } = empty({ tokensPerMinute: 60_000, burstMs: 1_000 });
    await enter('a', { tokens: 1_000 });
    void enter('b', { tokens: 500 });
    limiter.refund(500);
    await clock.settle();
    expect(admitted).toEqual(['a@0', 'b@0']);
    limiter.refund(-1_000);
    void enter('c', { tokens: 500 });
    await clock.advance(2_000);
    expect(admitted.at(-1)).toBe('c@1500');
  });

  test('a repeated try passes at once, and others wait for what it took', async () => {
    const { clock, limiter, admitted, enter } = empty({ requestsPerMinute: 60, burstMs: 1_000 });
    await enter('a');
    void enter('b');
    limiter.take(1);
    await clock.advance(3_000);
    expect(admitted).toEqual(['a@0', 'b@2000']);
  });

  test('after a pause they go on at their rate', async () => {
    const { clock, limiter, admitted, enter } = empty({ requestsPerMinute: 60, burstMs: 1_000 });
    limiter.pause(5_000);
    void enter('a');
    void enter('b');
    await clock.advance(6_000);
    expect(admitted).toEqual(['a@5000', 'b@6000']);
  });

  test('without a rate nothing waits, unless the service asked for a pause', async () => {
    const { clock, limiter, admitted, enter } = empty({});
    for (let i = 0; i < 3; i++) await enter(`${i}`, { tokens: 1e9 });
    expect(admitted).toEqual(['0@0', '1@0', '2@0']);
    limiter.pause(70_000);
    void enter('late');
    await clock.advance(70_000);
    expect(admitted.at(-1)).toBe('late@70000');
  });

  test.each([{ requestsPerMinute: 0 }, { tokensPerMinute: -1 }, { requestsPerMinute: Number.NaN }])(
    'a rate of nothing is refused: %o',
    (options) => {
      expect(() => new Limiter(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );
});

describe('the queue', () => {
  test('is bounded', async () => {
    const { clock, limiter, enter, admitted } = empty({ requestsPerMinute: 60, burstMs: 1_000, queuedMax: 2 });
    for (const name of ['a', 'b', 'c']) void enter(name);
    await expect(enter('d')).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true });
    await clock.advance(1_000);
    void enter('e');
    await clock.advance(2_000);
    expect(admitted).toEqual(['a@0', 'b@1000', 'c@2000', 'e@3000']);
    expect(limiter.queued).toBe(0);
  });

  test('serves callers in turn, and each in its order', async () => {
    const { clock, admitted, enter } = empty({ requestsPerMinute: 60, burstMs: 1_000 });
    for (const name of ['f0', 'f1', 'f2', 'f3']) void enter(name, { caller: 'flood' });
    void enter('a1', { caller: 'a' });
    void enter('a2', { caller: 'a' });
    void enter('b1', { caller: 'b' });
    await clock.advance(10_000);
    expect(admitted.map((entry) => entry.slice(0, 2))).toEqual(['f0', 'f1', 'a1', 'b1', 'f2', 'a2', 'f3']);
  });

  test('never lets small calls pass a big one for ever', async () => {
    const { clock, admitted, enter } = empty({ tokensPerMinute: 60_000, burstMs: 1_000 });
    await enter('first', { tokens: 1_000 });
    void enter('big', { tokens: 900, caller: 'a' });
    for (let i = 0; i < 20; i++) void enter(`small${i}`, { tokens: 100, caller: 'b' });
    await clock.advance(500);
    void enter('late', { tokens: 100, caller: 'c' });
    await clock.advance(500);
    expect(admitted.slice(0, 3)).toEqual(['first@0', 'big@900', 'small0@1000']);
  });

  test('forgets who gives up, and lets the next one go as soon as it can', async () => {
    const { clock, limiter, admitted, enter } = empty({ tokensPerMinute: 60_000, burstMs: 1_000, queuedMax: 2 });
    await enter('first', { tokens: 1_000 });
    const controller = new AbortController();
    const big = enter('big', { tokens: 900, signal: controller.signal });
    void enter('small', { tokens: 100 });
    await clock.advance(200);
    controller.abort();
    await expect(big).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(admitted).toEqual(['first@0', 'small@200']);
    expect(limiter.queued).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('takes in nobody who has given up already', async () => {
    const { admitted, enter } = empty({});
    await expect(enter('late', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(admitted).toEqual([]);
  });
});
