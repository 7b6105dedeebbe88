import { describe, expect, test } from 'vitest';
import { FAULTS } from './plan.ts';
import { Report, replay } from './report.ts';
import { runSeed } from './simulation.ts';

/** Seeds of every run of the tests; `npm run soak:sim` takes others. */
const SEEDS = 80;
const FIRST = 1_000;
/** Seeds in one test, so that a run shows where it is. */
const PER_TEST = 20;
/** A machine that has other work takes fewer of them, but never less than the first test's. */
const WALL_MS_MAX = 30_000;

const report = new Report();

describe('the whole coordinator under faults', () => {
  test.each(Array.from({ length: SEEDS / PER_TEST }, (_, i) => FIRST + i * PER_TEST))(
    'seeds %i and the next',
    async (first) => {
      for (let seed = first; seed < first + PER_TEST; seed++) {
        if (seed >= FIRST + PER_TEST && report.wallMs > WALL_MS_MAX) return;
        const result = await report.measure(() => runSeed(seed));
        expect(result.ok, result.ok ? undefined : replay(result)).toBe(true);
      }
    },
    90_000,
  );

  test('every kind of fault has come, and clients have been served meanwhile', () => {
    const { counts } = report;
    const missing = FAULTS.filter((fault) => (counts[`faults: ${fault}`] ?? 0) === 0);
    expect(missing).toEqual([]);
    for (const count of [
      'operations: put',
      'operations: get',
      'operations: delete',
      'members changed',
      'snapshots fetched',
    ]) {
      expect(counts[count], count).toBeGreaterThan(report.seeds / 4);
    }
  });
});

test('a seed runs the same way each time, also after others', async () => {
  const seeds = [7, 8];
  const hashes = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const seed of seeds) found.push((await runSeed(seed)).traceHash);
    return found;
  };
  const first = await hashes();
  expect(new Set(first).size).toBe(seeds.length);
  seeds.reverse();
  expect((await hashes()).reverse()).toEqual(first);
});

test('the number of voters can be told', async () => {
  const [one, five] = [await runSeed(3, { voters: 1 }), await runSeed(3, { voters: 5 })];
  expect([one.ok, five.ok]).toEqual([true, true]);
  expect(one.traceHash).not.toBe(five.traceHash);
});
