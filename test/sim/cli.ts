/**
 * `npm run sim -- [--world coordinator|cluster] --seeds N --start S [--voters V] [--mutation M] [--trace]`: runs seeds one after the
 * other, stops at the first that fails, says why and how to replay it.
 */

import { countFlag, readFlags } from './flags.ts';
import { applyMutation, worldFlag } from './mutation-flag.ts';
import { Report, replay } from './report.ts';

const { flags, on } = readFlags(['world', 'seeds', 'start', 'voters', 'mutation'], ['trace']);
const seeds = countFlag(flags, 'seeds', 100, 1, 1_000_000);
const start = countFlag(flags, 'start', 1, 0, 2 ** 31);
const voters = flags.voters === undefined ? undefined : countFlag(flags, 'voters', 3, 1, 5);
const world = worldFlag(flags.world, voters);
applyMutation(world, flags.mutation);
// Only now: what is mutated must not have been loaded before.
const { runnerOf } = await import('./worlds.ts');
const runSeed = await runnerOf(world);

const report = new Report();
for (let seed = start; seed < start + seeds; seed++) {
  const result = await report.measure(() => runSeed(seed, voters === undefined ? {} : { voters }));
  if (on.has('trace')) console.log(`seed ${seed}: ${result.ok ? 'ok' : 'failed'}, trace ${result.traceHash}`);
  if (result.ok) continue;
  console.error(replay(result, { world, voters, mutation: flags.mutation }));
  process.exitCode = 1;
  break;
}
console.log(report.text);
