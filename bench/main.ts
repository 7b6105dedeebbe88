/** `npm run bench -- SUITE`: measures, prints a table, and with `--json` one last line for machines. */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { raftSuite } from './raft/suite.ts';
import { endAll, freshFolder, removeFolder } from './resources.ts';
import type { Suite } from './suite.ts';

const SUITES: readonly Suite[] = [raftSuite];
const USAGE = `usage: npm run bench -- ${SUITES.map(({ name }) => name).join('|')} [--json] [--quick] [--rounds N] [--only PART,…] [--dir FOLDER] [--profile FOLDER]`;
/** Most rounds of one run. */
const ROUNDS_MAX = 100;

class UsageError extends Error {}

process.removeAllListeners('warning');
process.on('exit', endAll);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(
    usage ? `${error.message}; ${USAGE}\n` : `bench: ${error instanceof Error ? error.stack : error}\n`,
  );
  process.exit(usage ? 2 : 1);
}

async function main(args: readonly string[]): Promise<void> {
  const { suite, json, ...options } = parse(args);
  const folder = freshFolder(options.dir);
  if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
  const started = performance.now();
  const progress = (text: string): void => {
    process.stderr.write(`${String(Math.round((performance.now() - started) / 1_000)).padStart(4)} s  ${text}\n`);
  };
  const report = await suite.run({ ...options, folder, progress });
  removeFolder(folder);
  process.stdout.write(`${report.table}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report.json)}\n`);
}

interface Order {
  readonly suite: Suite;
  readonly json: boolean;
  readonly quick: boolean;
  readonly rounds: number;
  readonly only: ReadonlySet<string>;
  readonly dir: string;
  readonly profile: string | undefined;
}

/** @throws UsageError */
function parse(args: readonly string[]): Order {
  const { values, positionals } = parsed(args);
  const suite = SUITES.find(({ name }) => name === positionals[0]);
  if (suite === undefined || positionals.length > 1) {
    throw new UsageError(positionals.length === 0 ? 'name a suite' : `there is no suite "${positionals.join(' ')}"`);
  }
  const rounds = values.rounds === undefined ? (values.quick ? 1 : suite.rounds) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new UsageError(`--rounds takes a whole number from 1 to ${ROUNDS_MAX}, not "${values.rounds}"`);
  }
  const only = new Set(values.only?.split(','));
  const unknown = [...only].find((part) => !suite.parts.includes(part));
  if (unknown !== undefined) {
    throw new UsageError(`${suite.name} has no part "${unknown}", it has ${suite.parts.join(', ')}`);
  }
  return { suite, json: values.json, quick: values.quick, rounds, only, dir: values.dir, profile: values.profile };
}

/** @throws UsageError */
function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        only: { type: 'string' },
        dir: { type: 'string', default: '.troupe' },
        profile: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0] ?? '');
  }
}
