/**
 * `npm run soak:sim -- [--world coordinator|cluster] --minutes M [--start S] [--voters V]`: runs seeds for so long and reports; Ctrl-C reports
 * what there is so far.
 * Some seeds are run twice, as a run that can't be repeated is worth nothing.
 */
import { countFlag, readFlags } from './flags.ts';
import { worldFlag } from './mutation-flag.ts';
import { Report, replay } from './report.ts';
import { runnerOf } from './worlds.ts';

/** One seed in so many runs twice. */
const REPEAT_EVERY = 50;
const PROGRESS_EVERY_MS = 60_000;

const { flags } = readFlags(['world', 'minutes', 'start', 'voters']);
const minutes = countFlag(flags, 'minutes', 10, 1, 100_000);
const start = countFlag(flags, 'start', Math.floor(Date.now() / 1000) % 1_000_000_000, 0, 2 ** 31);
const voters = flags.voters === undefined ? undefined : countFlag(flags, 'voters', 3, 1, 5);
const world = worldFlag(flags.world, voters);
const runSeed = await runnerOf(world);

const report = new Report();
const failures: string[] = [];
let interrupted = false;
process.on('SIGINT', () => {
  interrupted = true;
});
console.log(`from seed ${start} on, for ${minutes} min`);
const began = performance.now();
let told = began;
for (let seed = start; !interrupted && performance.now() - began < minutes * 60_000; seed++) {
  const options = voters === undefined ? {} : { voters };
  const result = await report.measure(() => runSeed(seed, options));
  if (!result.ok) failures.push(replay(result, { world, voters }));
  else if (seed % REPEAT_EVERY === 0) {
    const again = await runSeed(seed, options);
    if (again.traceHash !== result.traceHash) failures.push(`seed ${seed} ran in two ways: it is not deterministic`);
  }
  if (performance.now() - told < PROGRESS_EVERY_MS) continue;
  told = performance.now();
  console.log(`at seed ${seed}, ${failures.length} failures; ${report.text.split('\n')[0]}`);
}
console.log(report.text);
for (const failure of failures) console.error(failure);
console.log(failures.length === 0 ? 'nothing was wrong' : `${failures.length} seeds failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
