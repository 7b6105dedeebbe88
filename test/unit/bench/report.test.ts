import { describe, expect, test } from 'vitest';
import { closedLoops } from '../../../bench/load.ts';
import { numbered, TrackedWrites } from '../../../bench/raft/tracked-writes.ts';
import { median, OURS, percentile, Report } from '../../../bench/report.ts';

describe('a report', () => {
  const report = new Report('suite', [
    { name: 'rate', unit: '/s', title: 'rate', goal: { peer: 'other', atLeast: 2.5 } },
    {
      name: 'safeRate',
      unit: '/s',
      title: 'rate',
      goal: [{ figure: 'rate', atLeast: 0.7 }, { peer: 'other', atLeast: 2 }, { atLeast: 100 }],
    },
    { name: 'ms', unit: 'ms', title: 'time', goal: { atMost: 5 } },
    { name: 'unmeasured', unit: 'ms', title: 'nothing' },
  ]);
  for (const value of [100, 900, 300]) report.add('rate', OURS, value);
  for (const value of [100, 120]) report.add('rate', 'other', value);
  report.add('safeRate', OURS, 200);
  report.add('ms', OURS, 6);

  test('gives the medians of ours, and ratios to the median of a peer', () => {
    expect(report.json).toEqual({
      suite: 'suite',
      figures: { rate: { value: 300, unit: '/s' }, safeRate: { value: 200, unit: '/s' }, ms: { value: 6, unit: 'ms' } },
      ratios: { 'rate/other': { value: 2.727, against: 110 }, 'safeRate/rate': { value: 0.6667, against: 300 } },
    });
  });

  test('says in its table which goals are met', () => {
    expect(report.table).toMatch(/^rate .*300 \(100-900\) +110 \(100-120\) +2\.73 +\/other >= 2\.5 met/m);
    expect(report.table).toMatch(/\/rate >= 0\.7 missed \(0\.67\), \/other >= 2, >= 100 met/);
    expect(report.table).toMatch(/^ms .* 6 .*<= 5 missed/m);
  });

  test('takes no figure that was not declared', () => {
    expect(() => report.add('rates', OURS, 1)).toThrow('rates');
  });
});

test('medians and percentiles', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 2])).toBe(2);
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1)]).toEqual([50, 99, 100]);
  expect(percentile([7], 0.99)).toBe(7);
});

test('closed loops count what ends inside the time, and failures apart', async () => {
  const found = await closedLoops({
    clients: 3,
    warmUpMs: 0,
    durationMs: 30,
    operation: async (client, n) => {
      if (client === 0) throw new Error('refused');
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  expect(found.perSecond).toBeGreaterThan(0);
  expect(found.failures).toBeGreaterThan(0);
  expect(String(found.failure)).toContain('refused');
});

test('tracked writes: a value that is older than its acknowledgement, or gone, is lost', async () => {
  const stored = new Map<string, Uint8Array>();
  const writes = new TrackedWrites(
    { put: async (key, value) => stored.set(key, value), get: async (key) => stored.get(key), close: () => undefined },
    'test',
  );
  for (let n = 0; n < 10; n++) await writes.write(`k${n % 4}`, n);
  expect(await writes.lost()).toBe(0);
  stored.set('test/k0', numbered(4));
  stored.delete('test/k1');
  expect(await writes.lost()).toBe(2);
});
