import { describe, expect, test } from 'vitest';
import { costOf, estimateUsage } from '../../../src/model/usage.ts';

describe('cost', () => {
  test.each([
    [100, 0, { inputUsdPerMillion: 0.07, outputUsdPerMillion: 0 }, 7],
    [1, 0, { inputUsdPerMillion: 0.07, outputUsdPerMillion: 0 }, 1],
    [1_000_000, 1_000_000, { inputUsdPerMillion: 2.5, outputUsdPerMillion: 10 }, 12_500_000],
    [0, 0, { inputUsdPerMillion: 2.5, outputUsdPerMillion: 10 }, 0],
  ])('of %i and %i tokens at %o is %i millionths of a dollar', (inputTokens, outputTokens, price, cost) => {
    expect(costOf({ inputTokens, outputTokens }, price)).toBe(cost);
  });

  test('is unknown without a price', () => {
    expect(costOf({ inputTokens: 1, outputTokens: 1 }, undefined)).toBeUndefined();
  });
});

describe('an estimate', () => {
  test('counts text, tools and all the output that is allowed', () => {
    const messages = [{ role: 'user', content: 'x'.repeat(300) }] as const;
    const plain = estimateUsage({ messages, outputTokensMax: 7 });
    expect(plain.inputTokens).toBeGreaterThanOrEqual(100);
    expect(plain.outputTokens).toBe(7);
    const tools = [{ name: 't', parameters: { description: 'y'.repeat(300) } }];
    expect(estimateUsage({ messages, tools }).inputTokens).toBeGreaterThan(plain.inputTokens + 100);
  });

  test('counts scripts other than Latin by their bytes', () => {
    const tokens = (content: string) => estimateUsage({ messages: [{ role: 'user', content }] }).inputTokens;
    expect(tokens('語'.repeat(100)) - tokens('')).toBe(100);
  });
});
