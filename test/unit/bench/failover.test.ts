import { expect, test } from 'vitest';
import { Counters } from '../../../bench/failover/counters.ts';
import { failoverSuite } from '../../../bench/failover/suite.ts';
import type { Host } from '../../../src/agent/index.ts';

/** Counters in memory; what of an addition is kept is up to `keep`. */
function host(keep: (key: string, count: number) => number): Host {
  const counts = new Map<string, number>();
  const ask: Host['ask'] = async ({ key }, method) => {
    const before = counts.get(key) ?? 0;
    if (method === 'read') return before;
    counts.set(key, keep(key, before));
    return before + 1;
  };
  return { ask } as Partial<Host> as Host;
}

test('the suite has the parts that can be asked for', () => {
  expect(failoverSuite).toMatchObject({ name: 'failover', parts: ['kills'] });
});

test('the account of counters: what was acknowledged is there once, or it is lost or repeated', async () => {
  const kept = { c0: 1, c1: 0, c2: 2 } as Readonly<Record<string, number>>;
  const counters = new Counters(
    host((key, count) => count + (kept[key] ?? 1)),
    4,
  );
  expect(counters.keys).toEqual(['c0', 'c1', 'c2', 'c3']);
  for (const key of counters.keys) await counters.add(key);
  expect(await counters.account()).toEqual({ lost: 1, repeated: 1 });
});
