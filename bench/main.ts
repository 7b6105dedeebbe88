/** `npm run bench -- SUITE`: measures, prints a table, and with `--json` one last line for machines. */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { anomaliesSuite } from './anomalies/suite.ts';
import { parsing, progressLine, runCommand, UsageError, usableFolder, wholeNumber } from './command.ts';
import { drainSuite } from './drain/suite.ts';
import { failoverSuite } from './failover/suite.ts';
import { kernelSuite } from './kernel/suite.ts';
import { raftSuite } from './raft/suite.ts';
import { recoverySuite } from './recovery/suite.ts';
import { remoteSuite } from './remote/suite.ts';
import { removeFolder } from './resources.ts';
import { spotSuite } from './spot/suite.ts';
import type { Suite } from './suite.ts';
import { swarmSuite } from './swarm/suite.ts';
import { turnsSuite } from './turns/suite.ts';

const SUITES: readonly Suite[] = [
  raftSuite,
  kernelSuite,
  remoteSuite,
  swarmSuite,
  turnsSuite,
  recoverySuite,
  failoverSuite,
  anomaliesSuite,
  drainSuite,
  spotSuite,
];
const NAMES = SUITES.map(({ name }) => name).join('|');
const USAGE = `usage: npm run bench -- ${NAMES} [--json] [--quick] [--rounds N] [--only PART,…] [--dir FOLDER] [--profile FOLDER]; spot takes [--trace FILE] [--price-ratio R]`;
/** Flags of single suites. */
const OWN_FLAGS = SUITES.flatMap(({ flags = [] }) => flags);
/** Most rounds of one run. */
const ROUNDS_MAX = 100;

await runCommand('bench', USAGE, async () => {
  const { values, positionals } = parsing(() =>
    parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        only: { type: 'string' },
        dir: { type: 'string', default: '.troupe' },
        profile: { type: 'string' },
        ...Object.fromEntries(OWN_FLAGS.map((flag) => [flag, { type: 'string' } as const])),
      },
    }),
  );
  const { json, quick, profile } = values;
  const suite = SUITES.find(({ name }) => name === positionals[0]);
  if (suite === undefined || positionals.length > 1) {
    throw new UsageError(positionals.length === 0 ? 'name a suite' : `there is no suite "${positionals.join(' ')}"`);
  }
  const rounds = wholeNumber('rounds', values.rounds, quick ? 1 : suite.rounds, ROUNDS_MAX);
  const only = new Set(values.only?.split(','));
  const unknown = [...only].find((part) => !suite.parts.includes(part));
  if (unknown !== undefined) {
    throw new UsageError(`${suite.name} has no part "${unknown}"; it has ${suite.parts.join(', ')}`);
  }
  const given = OWN_FLAGS.map((flag) => [flag, (values as Readonly<Record<string, unknown>>)[flag]] as const);
  const flags = new Map(given.filter((pair): pair is readonly [string, string] => typeof pair[1] === 'string'));
  const foreign = [...flags.keys()].find((flag) => !suite.flags?.includes(flag));
  if (foreign !== undefined) throw new UsageError(`${suite.name} has no --${foreign}`);
  const folder = usableFolder(values.dir);
  if (profile !== undefined) mkdirSync(profile, { recursive: true });
  const report = await suite.run({ quick, rounds, only, flags, folder, profile, progress: progressLine() });
  removeFolder(folder);
  process.stdout.write(`${report.table}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report.json)}\n`);
  return true;
});
