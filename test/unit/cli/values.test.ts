import { describe, expect, test } from 'vitest';
import { parseAgent, parseJson, parseMs, table } from '../../../src/cli/values.ts';

describe('values of the command line', () => {
  test('times are whole milliseconds', () => {
    expect(parseMs('15000')).toBe(15_000);
    for (const bad of ['', '0', '1.5', '-1', 'soon', '1e12']) expect(() => parseMs(bad)).toThrow('is not a time');
  });

  test('JSON that is none says how to quote', () => {
    expect(parseJson('{"a":[1]}', 'the input')).toEqual({ a: [1] });
    expect(() => parseJson('{a:1}', 'the input')).toThrow(/^the input is not JSON: .* quote it/);
  });

  test('an agent is a kind and a key, and the key may hold slashes', () => {
    expect(parseAgent('reviewer/@scope/name')).toEqual({ kind: 'reviewer', key: '@scope/name' });
    for (const bad of ['reviewer', '/x', 'reviewer/']) expect(() => parseAgent(bad)).toThrow('KIND/KEY');
  });

  test('a table is as wide as its cells', () => {
    expect(
      table([
        ['a', 'bb', ''],
        ['ccc', 'd', 'e'],
      ]),
    ).toBe('a    bb\nccc  d   e');
  });
});
