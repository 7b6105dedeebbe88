import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../../bench/command.ts';
import { OWN_TRACE, priceRatio, readTrace, WORKERS_MAX } from '../../../bench/spot/trace.ts';

const folder = mkdtempSync(join(tmpdir(), 'trace-'));
const file = join(folder, 'trace.json');
afterAll(() => rmSync(folder, { recursive: true }));

test('our own trace has single losses, a pair at once, and the loss of all', () => {
  const trace = readTrace(OWN_TRACE);
  const steps = trace.slice(1).map((count, at) => count - (trace[at] as number));
  expect(trace[0]).toBe(WORKERS_MAX);
  expect(new Set(steps)).toEqual(new Set([0, -1, 1, -2, 2, -WORKERS_MAX]));
  expect(trace.at(-1)).toBe(WORKERS_MAX);
});

test('a trace is a list of node counts', () => {
  writeFileSync(file, '[4, 0, 2, 3, 4, 1]');
  expect(readTrace(file)).toEqual([4, 0, 2, 3, 4, 1]);
});

test.each([
  ['', 'read'],
  ['{"a": 1}', 'JSON list'],
  ['[1, 2]', 'JSON list'],
  [JSON.stringify(new Array(301).fill(1)), 'JSON list'],
  ['[1, 2, 5, 1, 1]', '5 at tick 2'],
  ['[1, 2, 1.5, 1, 1]', '1.5 at tick 2'],
  ['[1, -1, 1, 1, 1]', '-1 at tick 1'],
  ['[1, 1, 1, 1, "4"]', '"4" at tick 4'],
])('%j is no trace, which one line says', (text, why) => {
  writeFileSync(file, text);
  expect(() => readTrace(file)).toThrow(UsageError);
  expect(() => readTrace(file)).toThrow(why);
  expect(() => readTrace(file)).not.toThrow('\n');
});

test('a file that isn’t there is refused, and so is a price that makes no sense', () => {
  expect(() => readTrace(join(folder, 'nowhere'))).toThrow(UsageError);
  expect(priceRatio('0.25')).toBe(0.25);
  for (const text of ['0', '-1', '1.1', 'cheap', '', ' ']) expect(() => priceRatio(text), text).toThrow(UsageError);
});
