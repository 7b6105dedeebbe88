import { expect, test } from 'vitest';
import { OneByOne } from '../../../src/agent/one-by-one.ts';
import { systemClock } from '../../../src/core/index.ts';

test('of two results that are there together the second comes when the handler has gone on from the first as far as it can', async () => {
  const results = new OneByOne(systemClock);
  const went: string[] = [];
  const branch = async (name: string, awaits: number): Promise<void> => {
    await results.next(undefined, false);
    for (let hop = 0; hop < awaits; hop++) await undefined;
    went.push(name);
  };
  await Promise.all([branch('first', 100), branch('second', 0)]);
  expect(went).toEqual(['first', 'second']);
});
