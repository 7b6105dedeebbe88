import { createRequire } from 'node:module';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as adapter from '../../../src/nact/index.ts';
import { type Library, type Scenario, scenarios } from './scenarios.ts';

const require = createRequire(import.meta.url);
/** nact itself; it has configureLogging but doesn't hand it out. */
const original = { ...require('nact'), ...require('nact/lib/monitoring/index.js') } as Library;

beforeEach(() => {
  // What nact prints of crashes, and the adapter.
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
});
afterEach(() => vi.restoreAllMocks());

async function transcript(nact: Library, scenario: Scenario): Promise<string[]> {
  const lines: string[] = [];
  await scenario(nact, (...facts) => lines.push(JSON.stringify(facts)));
  return lines;
}

test.each(Object.entries(scenarios))('%s', async (_, scenario) => {
  const expected = await transcript(original, scenario);
  expect(expected.length).toBeGreaterThan(0);
  expect(await transcript(adapter, scenario)).toEqual(expected);
});
