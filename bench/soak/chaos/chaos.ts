import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ClusterConfigInput } from 'troupe';
import { ClusterFolder } from '../../../src/node/index.ts';
import { endsEarly } from '../../command.ts';
import { type FigureSpec, OURS, Report } from '../../report.ts';
import { atEnd, sleep, within } from '../../resources.ts';
import { account } from './account.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import type { LoadReport } from './load.ts';
import { Machines, noPartitions, SmallDisk } from './machines.ts';
import { FAULTS, type Fault, type FaultKind, schedule } from './schedule.ts';
import { Tool } from './tool.ts';

const VOTERS = ['voter-1', 'voter-2', 'voter-3'];
const WORKERS = ['spot-1', 'spot-2', 'spot-3'];
const CLIENT = 'client';
/** Agents under load. Many, as each has to be slow: see `PACE_MS` of the load. */
const AGENTS = 240;
/** Time for the load to end, when all faults are over, ms. */
const END_MS = 180_000;
/** How often progress is told, ms. */
const TELL_MS = 10_000;

const count = (name: string, unit: string, title: string, atMost?: number): FigureSpec => ({
  name,
  unit,
  title,
  ...(atMost === undefined ? {} : { goal: { atMost } }),
});
const TITLES: Readonly<Record<FaultKind, string>> = {
  kill: 'nodes killed (SIGKILL)',
  killVoters: 'all voters killed together',
  stop: 'nodes stopped for a while (SIGSTOP)',
  partition: 'nodes cut off, in one direction or both',
  notice: 'workers taken away with notice',
  diskFull: "a voter's disk full for a while",
  clockJump: 'clocks set forward or back',
};
const FIGURES: readonly FigureSpec[] = [
  count('acknowledged', 'turns', 'acknowledged turns, two steps each'),
  count('lost', 'turns', 'acknowledged turns that the agents know nothing of', 0),
  count('repeated', 'effects', 'effects outside that happened again', 0),
  count('duplicated', 'turns', 'turns that took effect twice', 0),
  count('misordered', 'turns', 'turns that came before one that they follow', 0),
  count('missing', 'effects', 'effects of acknowledged turns that did not happen', 0),
  count('unanswered', 'turns', 'turns or agents that had no answer in the end', 0),
  count('silenceMsMax', 'ms', 'longest time without an acknowledgement of any turn'),
  count('refused', 'effects', 'late tries of nodes that had been given up, which the tool refused'),
  ...FAULTS.map((kind) => count(kind, 'faults', TITLES[kind])),
];

/** What a soak is asked for. */
export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** On a real disk. */
  readonly folder: string;
  readonly progress: (text: string) => void;
}

/** What it found. */
export interface ChaosOutcome {
  readonly report: Report;
  /** Whether no promise was broken. */
  readonly sound: boolean;
}

/** Random faults, as a seed gives them, on real processes under load, and an account of every turn. */
export async function chaos({ minutes, seed, folder: path, progress }: ChaosOptions): Promise<ChaosOutcome> {
  const report = new Report('chaos', FIGURES);
  const kinds = new Set<FaultKind>(FAULTS);
  const without = (kind: FaultKind, why: string): void => {
    kinds.delete(kind);
    progress(`skipped: ${TITLES[kind]}: ${why}`);
    report.note(`skipped: ${TITLES[kind]}: ${why}`);
  };
  if (noPartitions !== undefined) without('partition', noPartitions);
  const folder = new ClusterFolder(path);
  const filled = VOTERS[0] as string;
  using stack = new DisposableStack();
  let disk: SmallDisk | undefined;
  try {
    disk = stack.use(new SmallDisk(folder.dataDir(filled)));
  } catch (error) {
    without('diskFull', (error as Error).message.trim().replaceAll('\n', ' '));
  }
  const hosts = [...VOTERS, ...WORKERS, CLIENT];
  const machines = stack.use(new Machines(hosts));
  const leave = atEnd(() => machines[Symbol.dispose]());
  const tool = new Tool();
  const socket = join(path, 'tool');
  const server = await tool.listen(socket);
  await using fleet = new Fleet(machines, folder, configure(path, machines));
  await fleet.start([...VOTERS, ...WORKERS]);
  const forMs = minutes * 60_000;
  const ended = new AbortController();
  endsEarly(() => {
    progress('interrupted: the account follows; once more ends it at once');
    ended.abort();
  });
  const faults = new Faults({ fleet, machines, folder, hosts, disk, ended: ended.signal });
  const load = new Load(machines, path, socket);
  const plan = schedule({ seed, forMs, voters: VOTERS, workers: WORKERS, filled, kinds: [...kinds] });
  progress(`seed ${seed}: ${plan.length} faults in ${minutes} minutes`);
  await play(plan, forMs, faults, load, progress, ended.signal);
  progress('all faults are over');
  await fleet.served();
  const told = await within(END_MS, 'the load to end', load.end());
  server.close();
  server.closeAllConnections();
  leave();
  const { figures, sound } = account(told, tool, AGENTS);
  for (const [name, value] of Object.entries(figures)) report.add(name, OURS, value);
  for (const repetition of tool.repetitions) report.note(repetition);
  for (const kind of FAULTS) if (kinds.has(kind)) report.add(kind, OURS, faults.counts.get(kind) ?? 0);
  if (ended.signal.aborted) report.note('interrupted: not all faults of the plan were there');
  report.note(`seed ${seed}; processes ended: ${[...fleet.ends].map(([how, times]) => `${how} ${times}`).join(', ')}`);
  return { report, sound };
}

function configure(path: string, machines: Machines): string {
  const node = (id: string) => ({
    id,
    insecure: true,
    listen: { control: machines.address(id), data: machines.address(id), api: machines.address(id) },
  });
  const config: ClusterConfigInput = {
    name: 'chaos',
    dataDir: path,
    agents: [fileURLToPath(new URL('./agents.ts', import.meta.url))],
    nodes: [
      ...VOTERS.map((id) => ({ ...node(id), voter: true })),
      ...WORKERS.map((id) => ({ ...node(id), labels: { capacity: 'spot' } })),
    ],
  };
  const file = join(path, 'cluster.config.mjs');
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  return file;
}

/** Plays the plan on time, or as far as it comes; resolves when the last fault is over. */
async function play(
  plan: readonly Fault[],
  forMs: number,
  faults: Faults,
  load: Load,
  progress: (text: string) => void,
  ended: AbortSignal,
): Promise<void> {
  const from = performance.now();
  const under: Promise<void>[] = [];
  const telling = setInterval(() => {
    const { acknowledged, silenceMs, error = '' } = load.last;
    const played = [...faults.counts.values()].reduce((sum, each) => sum + each, 0);
    progress(`${acknowledged} turns, ${played} faults over, longest silence ${silenceMs} ms ${error.slice(0, 100)}`);
  }, TELL_MS);
  try {
    for (const fault of plan) {
      await sleep(Math.max(0, from + fault.atMs - performance.now()), ended);
      if (ended.aborted) break;
      if (process.env.CHAOS_VERBOSE) progress(JSON.stringify(fault));
      under.push(faults.play(fault));
    }
    await sleep(Math.max(0, from + forMs - performance.now()), ended);
    await Promise.all(under);
  } finally {
    clearInterval(telling);
  }
}

/** The process that asks the agents. */
class Load {
  readonly #process;
  /** What it said last. */
  last: LoadReport = { acknowledged: 0, silenceMs: 0, unknown: 0 };

  constructor(machines: Machines, path: string, socket: string) {
    const script = fileURLToPath(new URL('./load.ts', import.meta.url));
    this.#process = machines.spawn(CLIENT, script, [path, socket, `${AGENTS}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    atEnd(() => this.#process.kill('SIGKILL'));
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.last = JSON.parse(line) as LoadReport;
    });
  }

  /** Ends it; what it says at the end. */
  async end(): Promise<LoadReport> {
    const gone = once(this.#process, 'close');
    this.#process.stdin?.write('end\n');
    await gone;
    return this.last;
  }
}
