import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, groupsOf, isAgent } from '../../../src/agent/index.ts';

const spec = { state: () => 0, messages: { m: { input: z.any() } }, handlers: { m: () => undefined } };

describe('defineAgent', () => {
  test.each(['', 'Upper', '1digit', 'a/b', 'a b', 'ä', `a${'b'.repeat(64)}`])('refuses the kind %j', (kind) => {
    expect(() => defineAgent(kind, spec)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', address: kind }));
  });

  test.each(['a', 'licence-reviewer', 'a.b-c.9', `a${'b'.repeat(63)}`])('takes the kind %j', (kind) => {
    expect(defineAgent(kind, spec).kind).toBe(kind);
  });

  test('refuses a message without a handler', () => {
    const broken = { ...spec, handlers: {} as typeof spec.handlers };
    expect(() => defineAgent('a', broken)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"m"') }),
    );
  });

  test('refuses a message that is named like the runtime’s own', () => {
    const vote = { ...spec, messages: { $vote: { input: z.any() } }, handlers: { $vote: () => undefined } };
    expect(() => defineAgent('a', vote)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('makes what is recognised as an agent, and nothing else is', () => {
    expect(isAgent(defineAgent('a', spec))).toBe(true);
    for (const value of [null, undefined, 1, 'agent', {}, { kind: 'a', spec }]) expect(isAgent(value)).toBe(false);
  });

  test('gives a singleton one shard, and refuses it more', () => {
    expect(groupsOf([defineAgent('sole', { ...spec, singleton: true })])).toEqual([
      { group: 'sole', shards: 1, placement: {} },
    ]);
    expect(() => defineAgent('sole', { ...spec, singleton: true, shards: 2 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  test('names a shard group after the kind, with its shards and its wishes', () => {
    const placed = defineAgent('placed', { ...spec, shards: 7, placement: { prefer: { capacity: 'spot' } } });
    expect(groupsOf([defineAgent('plain', spec), placed])).toEqual([
      { group: 'plain', shards: 32, placement: {} },
      { group: 'placed', shards: 7, placement: { prefer: { capacity: 'spot' } } },
    ]);
  });
});
