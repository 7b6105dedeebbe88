import { expect, test } from 'vitest';
import { CLUSTER_FAULTS } from './cluster/plan.ts';
import { runClusterSeed } from './cluster/simulation.ts';
import { Report, replay } from './report.ts';

/** Seeds of every run of the tests; `npm run sim -- --world cluster` takes others. */
const SEEDS = 12;
const FIRST = 1_000;
/** A machine that has other work takes fewer of them, but never less than this many. */
const SEEDS_MIN = 5;
const WALL_MS_MAX = 5_000;
/** What the faults are for; so few seeds hold only part of it. */
const EPISODES = [
  'drains taken back',
  'drains out of time',
  'drains cut short by death',
  'drains beside another',
  'moves that failed',
  'targets that died with shards on the way',
  'losses of all workers',
  'returns of capacity',
  'ends of watched actors',
];

test('whole clusters keep what they promise under faults', { timeout: 90_000 }, async () => {
  const report = new Report();
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    if (report.seeds >= SEEDS_MIN && report.wallMs > WALL_MS_MAX) break;
    const result = await report.measure(() => runClusterSeed(seed));
    expect(result.ok, result.ok ? undefined : replay(result, { world: 'cluster' })).toBe(true);
  }
  // Fewer may hold too little.
  if (report.seeds < SEEDS) return;
  const { counts } = report;
  const came = CLUSTER_FAULTS.filter((fault) => (counts[`faults: ${fault}`] ?? 0) > 0);
  expect(came.length, `only these faults came: ${came}`).toBeGreaterThan(CLUSTER_FAULTS.length / 2);
  expect(counts['steps reconciled']).toBeGreaterThan(0);
  const met = EPISODES.filter((episode) => (counts[episode] ?? 0) > 0);
  expect(met.length, `faults led only to ${met}`).toBeGreaterThan(EPISODES.length / 3);
  for (const count of ['operations', 'journal appends', 'durable messages', 'rings of timers']) {
    expect(counts[count], count).toBeGreaterThan(report.seeds);
  }
});

test('a seed of the cluster runs the same way each time, also after others', { timeout: 60_000 }, async () => {
  const hashes = async (seeds: readonly number[]): Promise<string[]> => {
    const found: string[] = [];
    for (const seed of seeds) found.push((await runClusterSeed(seed)).traceHash);
    return found;
  };
  const [first, second] = await hashes([7, 8]);
  expect(first).not.toBe(second);
  expect(await hashes([8, 7])).toEqual([second, first]);
});
