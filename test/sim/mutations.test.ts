import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { find } from './mutations/gate.ts';
import { MISTAKES, MUTATIONS, misfit } from './mutations/index.ts';

const source = (file: string): string => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');

test('each of the classic mistakes has a mutation, and no two mutations share a name', () => {
  const mistakes = new Set(MUTATIONS.flatMap(({ mistake }) => mistake ?? []));
  expect([...mistakes].sort((a, b) => a - b)).toEqual(Array.from({ length: MISTAKES }, (_, i) => i + 1));
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
});

test('a patch must fit exactly once', () => {
  const patch = { file: 'some.ts', find: 'a', replace: 'b' };
  expect(misfit('banana', patch)).toMatch('some.ts has 3 times');
  expect(misfit('xyz', patch)).toMatch('some.ts has 0 times');
  expect(misfit('cat', patch)).toBeUndefined();
  expect(misfit('cat', { ...patch, replace: 'a' })).toMatch('changes nothing');
});

test.each(MUTATIONS)('$mistake $name still fits the sources', ({ patches }) => {
  expect(patches.map((patch) => misfit(source(patch.file), patch)).filter((why) => why !== undefined)).toEqual([]);
});

/** Found by the first seed or two: what the gate does for all of them (`npm run sim:mutations`) must go on working. */
const QUICK = ['half-is-a-majority', 'next-below-match'];

describe('mistakes that are switched on are found within a few seeds', () => {
  const quick = MUTATIONS.filter(({ name }) => QUICK.includes(name));
  test.concurrent.each(quick)('$mistake $name', { timeout: 60_000 }, async (mutation) => {
    expect((await find(mutation, 10, 50_000)).seed).toBeDefined();
  });
});
