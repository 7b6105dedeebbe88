import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MISTAKES, MUTATIONS, type Mutation, SEEDS_MAX, type SimWorld } from './index.ts';

const MUTANT = fileURLToPath(new URL('./mutant.ts', import.meta.url));

/** Mutants that run at once, when no other number is told. */
const PROCESSES = 2;

/** What one mutant's process says at its end. */
interface Report {
  readonly name: string;
  readonly tried: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly reason?: string;
}

/** How a mutation was found. */
export interface Find {
  readonly world: SimWorld;
  readonly mistake: number | undefined;
  readonly name: string;
  /** The seed that found it, undefined when none did. */
  readonly seed: number | undefined;
  /** How many seeds it took. */
  readonly seeds: number;
  readonly seconds: number;
  /** What the simulator saw. */
  readonly reason: string;
}

/** Runs `mutant.ts` until it ends by itself; a mutant has no end of its own where its mistake makes it hang. */
function run(world: SimWorld, name: string, seeds: number, start: number, timeoutMs: number): Promise<Report> {
  const flags = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, MUTANT, world, name, `${seeds}`, `${start}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error(`the mutant ${name} ended with ${code ?? signal}: ${errors.slice(0, 2_000)}`));
    });
    child.on('error', reject);
  });
}

/**
 * Runs a mutation over seeds 1 to `seeds` until one finds it, by its sign where it has one. A seed that fails without the mutation too
 * proves nothing, and is passed over.
 *
 * @throws Error when the mutant can't be run
 */
export async function find(
  { world, mistake, name, sign = '' }: Mutation,
  seeds: number = SEEDS_MAX,
  timeoutMs = 900_000,
): Promise<Find> {
  let tried = 0;
  let seconds = 0;
  while (tried < seeds) {
    const report = await run(world, name, seeds - tried, tried + 1, timeoutMs);
    tried += report.tried;
    seconds += report.seconds;
    const { seed, reason = '' } = report;
    if (seed === undefined) break;
    if (!reason.includes(sign)) continue;
    const sound = await run(world, 'none', 1, seed, timeoutMs);
    if (sound.seed === undefined)
      return { world, mistake, name, seed, seeds: tried, seconds, reason: headline(reason) };
  }
  return { world, mistake, name, seed: undefined, seeds: tried, seconds, reason: '' };
}

/** `npm run sim:mutations [-- --only NUMBER|NAME|WORLD,...] [--seeds N] [--processes N] [--json]` */
async function main(args: readonly string[]): Promise<void> {
  const value = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const only = value('--only')?.split(',');
  const seeds = Number(value('--seeds') ?? SEEDS_MAX);
  const processes = Number(value('--processes') ?? PROCESSES);
  const chosen = MUTATIONS.filter(
    ({ world, mistake, name }) => only === undefined || [world, `${mistake}`, name].some((each) => only.includes(each)),
  );
  if (chosen.length === 0 || !(seeds >= 1))
    throw new Error(`no mutation is called ${only}, or ${seeds} seeds are none`);
  const waiting = [...chosen];
  const finds: Find[] = [];
  const line = (...words: readonly [unknown, unknown, unknown, unknown, unknown]): string => {
    const [mistake, name, seed, count, reason] = words.map(String) as [string, string, string, string, string];
    return `${mistake.padStart(11)}  ${name.padEnd(32)} ${seed.padStart(5)} ${count.padStart(6)}  ${reason}`;
  };
  console.log(line('mistake', 'mutation', 'seed', 'seeds', 'what was seen'));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const found = await find(next, seeds).catch((error: Error): Find => {
        const { world, mistake, name } = next as Mutation;
        return { world, mistake, name, seed: undefined, seeds: 0, seconds: 0, reason: headline(error.message) };
      });
      finds.push(found);
      const { world, mistake = world, name, seed = '-', seeds: tried, reason } = found;
      console.log(line(mistake, name, seed, tried, `${seed === '-' ? 'NOT FOUND ' : ''}${reason}`));
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  const missed = finds.filter(({ seed }) => seed === undefined).map(({ name }) => name);
  const mistakes = new Set(finds.flatMap(({ seed, mistake }) => (seed === undefined ? [] : (mistake ?? []))));
  const slowest = finds.reduce((most, each) => Math.max(most, each.seeds), 0);
  console.log(
    `${finds.length - missed.length} of ${finds.length} mutations found, of ${mistakes.size} of ${MISTAKES} mistakes, ` +
      `within ${slowest} seeds${missed.length === 0 ? '' : `; not found: ${missed.join(', ')}`}`,
  );
  if (args.includes('--json')) {
    const order = ({ mistake = MISTAKES + 1 }: Find): number => mistake;
    finds.sort((a, b) => order(a) - order(b) || (a.name < b.name ? -1 : 1));
    console.log(
      JSON.stringify({ mutations: finds.length, missed, mistakesFound: mistakes.size, seedsMost: slowest, finds }),
    );
  }
  if (missed.length > 0) process.exitCode = 1;
}

function headline(reason: string): string {
  const [first = ''] = reason.split('\n');
  return first.length > 100 ? `${first.slice(0, 97)}...` : first;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
