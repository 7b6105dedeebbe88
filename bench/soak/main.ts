/** `npm run soak -- leader-kill --n 200`: the same fault again and again, and an account of every write. */
import { parseArgs } from 'node:util';
import { parsing, progressLine, runCommand, UsageError, usableFolder, wholeNumber } from '../command.ts';
import { removeFolder } from '../resources.ts';
import { leaderKill } from './leader-kill.ts';

const USAGE = 'usage: npm run soak -- leader-kill [--n KILLS] [--json] [--dir FOLDER]';
const KILLS = 200;
const KILLS_MAX = 10_000;

await runCommand('soak', USAGE, async () => {
  const { values, positionals } = parsing(() =>
    parseArgs({
      allowPositionals: true,
      options: {
        n: { type: 'string' },
        json: { type: 'boolean', default: false },
        dir: { type: 'string', default: '.troupe' },
      },
    }),
  );
  if (positionals.length !== 1 || positionals[0] !== 'leader-kill') {
    throw new UsageError(positionals.length === 0 ? 'name a soak' : `there is no soak "${positionals.join(' ')}"`);
  }
  const kills = wholeNumber('n', values.n, KILLS, KILLS_MAX);
  const folder = usableFolder(values.dir);
  const { report, histogram, sound } = await leaderKill(folder, kills, progressLine());
  removeFolder(folder);
  process.stdout.write(`${report.table}\n\ntime to the next acknowledged write\n${histogram}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify(report.json)}\n`);
  return sound;
});
