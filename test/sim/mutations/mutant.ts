import { MUTATIONS, SEEDS_MAX, type SimWorld } from './index.ts';
import { install } from './install.ts';

/**
 * One mutant in a process of its own: `mutant.ts WORLD NAME [SEEDS [START]]` makes the mistake, runs seed after seed until one
 * finds it, and prints one line of JSON. `none` runs without any mistake.
 */
const [world, name, seeds = `${SEEDS_MAX}`, start = '1'] = process.argv.slice(2);
const mutation = MUTATIONS.find((each) => each.name === name);
if (mutation === undefined && name !== 'none') throw new Error(`there is no mutation ${name}`);
const unused = mutation === undefined ? () => [] : install(mutation);
const { runnerOf } = await import('../worlds.ts');
const runSeed = await runnerOf(world as SimWorld);
if (unused().length > 0) throw new Error(`never loaded, so not mutated: ${unused().join(', ')}`);

let tried = 0;
let seed = Number(start);
const began = performance.now();

function end(reason: string | undefined): never {
  const seconds = Math.round(performance.now() - began) / 1000;
  console.log(JSON.stringify({ name, tried, seconds, ...(reason === undefined ? {} : { seed, reason }) }));
  process.exit();
}
// What a mistake breaks may surface where nobody waits for it: that is found too.
process.on('uncaughtException', (error) => end(String(error)));

for (; tried < Number(seeds); seed++) {
  tried++;
  const { ok, reason = '' } = await runSeed(seed);
  if (!ok) end(reason);
}
end(undefined);
