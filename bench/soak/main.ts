/** `npm run soak -- leader-kill --n 200`, `npm run soak -- chaos --minutes 10`: faults again and again, and an account of every write or turn. */
import { parseArgs } from 'node:util';
import { parsing, progressLine, runCommand, UsageError, usableFolder, wholeNumber } from '../command.ts';
import type { Report } from '../report.ts';
import { keepFolder, removeFolder } from '../resources.ts';
import { leaderKill } from './leader-kill.ts';

const USAGE =
  'usage: npm run soak -- leader-kill [--n KILLS] | chaos [--minutes MINUTES] [--seed SEED], and [--json] [--dir FOLDER]';
const KILLS = 200;
const KILLS_MAX = 10_000;
const MINUTES = 10;
const MINUTES_MAX = 10_000;
const SEED_MAX = 2 ** 31;

await runCommand('soak', USAGE, async () => {
  const { values, positionals } = parsing(() =>
    parseArgs({
      allowPositionals: true,
      options: {
        n: { type: 'string' },
        minutes: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        dir: { type: 'string', default: '.troupe' },
      },
    }),
  );
  const [name] = positionals;
  if (positionals.length !== 1 || (name !== 'leader-kill' && name !== 'chaos')) {
    throw new UsageError(positionals.length === 0 ? 'name a soak' : `there is no soak "${positionals.join(' ')}"`);
  }
  const foreign = (['n', 'minutes', 'seed'] as const).find(
    (flag) => values[flag] && (flag === 'n') === (name === 'chaos'),
  );
  if (foreign !== undefined) throw new UsageError(`${name} has no --${foreign}`);
  const kills = wholeNumber('n', values.n, KILLS, KILLS_MAX);
  const minutes = wholeNumber('minutes', values.minutes, MINUTES, MINUTES_MAX);
  const seed = wholeNumber('seed', values.seed, 1 + (Date.now() % (SEED_MAX - 1)), SEED_MAX);
  const folder = usableFolder(values.dir);
  const progress = progressLine();
  let found: { readonly report: Report; readonly sound: boolean; readonly histogram?: string };
  if (name === 'chaos') {
    // Only it needs a network of its own, and looks for one as it is loaded.
    const { chaos } = await import('./chaos/chaos.ts');
    found = await chaos({ minutes, seed, folder, progress });
  } else found = await leaderKill(folder, kills, progress);
  const { report, sound, histogram } = found;
  process.stdout.write(`${report.table}\n`);
  if (histogram !== undefined) process.stdout.write(`\ntime to the next acknowledged write\n${histogram}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify(report.json)}\n`);
  if (sound) removeFolder(folder);
  else {
    keepFolder(folder);
    process.stderr.write(`a promise was broken; all logs are in ${folder}\n`);
    if (name === 'chaos') process.stderr.write(`again: npm run soak -- chaos --minutes ${minutes} --seed ${seed}\n`);
  }
  return sound;
});
