import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentRef } from '../../src/agent/index.ts';
import { readLog } from '../../src/node/index.ts';
import { threadTimes } from '../cpu.ts';
import { DRIVER, layout, VOTERS } from '../layout.ts';
import { closedLoops, type LoadResult } from '../load.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, Report } from '../report.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { worker } from './worker.ts';

const WORKERS = ['worker-1', 'worker-2'] as const;
const PART_MS = 240_000;
/** An ask may have to wait for a thousand others, ms. */
const ASK_MS = 30_000;
/** Turns whose entries in the log are measured: few enough that the log isn't cut meanwhile. */
const MEASURED_TURNS = 600;
/** Agents that work at a time in the parts that compare costs. */
const FEW = 100;
/** Agents that work at a time in the history part: each must grow old. */
const OLD = 16;

/** A cost that has grown by less is level: two measurements of the same differ by as much. */
const LEVEL = 1.25;

const FULL = { busy: 1_000, warmUpMs: 3_000, durationMs: 10_000, residents: 100_000, events: 10_000 } as const;
const QUICK = { busy: 200, warmUpMs: 500, durationMs: 2_000, residents: 2_000, events: 100 } as const;

/** Everything that `bench -- turns` measures. */
const FIGURES: readonly FigureSpec[] = [
  {
    name: 'durableTurnsPerS',
    unit: '/s',
    title: 'turns with one step and 1 kB of state, 1,000 agents busy',
    goal: { atLeast: 10_000 },
  },
  { name: 'stepsPerS', unit: '/s', title: 'steps of these turns' },
  { name: 'turnMsP50', unit: 'ms', title: 'time for an answer then' },
  { name: 'turnMsP99', unit: 'ms', title: 'the same, 99th percentile' },
  { name: 'workersUs', unit: 'us', title: 'processor time of both workers for a turn' },
  { name: 'votersUs', unit: 'us', title: 'processor time of all three voters for a turn' },
  { name: 'driverUs', unit: 'us', title: 'processor time of the asking process for a turn' },
  { name: 'journalBytesPerTurn', unit: 'B', title: 'bytes in the log of one voter for a turn' },
  {
    name: 'residentsCost',
    unit: 'ratio',
    title: 'processor time of a turn with 100,000 agents resident to that with 100',
    goal: { atMost: LEVEL },
  },
  {
    name: 'historyCost',
    unit: 'ratio',
    title: 'processor time of a turn of agents with 10,000 events to that of young ones',
    goal: { atMost: LEVEL },
  },
];

/** What turns cost. */
interface Cost {
  readonly load: LoadResult;
  /** Processor time of a turn, us, by the figure that says so. */
  readonly us: Readonly<Record<string, number>>;
  /** Of all processes. */
  readonly allUs: number;
}

/** Durable turns on three voters and two workers. */
export const turnsSuite: Suite = {
  name: 'turns',
  parts: ['turns', 'residents', 'history'],
  rounds: 1,
  run: (options) => new TurnsBench(options).run(),
};

class TurnsBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('turns', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    await runParts(this.#options, {
      config: {
        name: 'turns',
        agents: [new URL('./worker.ts', import.meta.url)],
        nodes: layout(WORKERS),
      },
      here: DRIVER,
      limitMs: PART_MS,
      parts: {
        turns: (cluster, folder) => this.#turns(cluster, folder),
        residents: (cluster) => this.#residents(cluster),
        history: (cluster) => this.#history(cluster),
      },
    });
    return this.#report;
  }

  async #turns(cluster: NodeCluster, folder: string): Promise<void> {
    const { busy, warmUpMs, durationMs } = this.#size;
    const raft = join(folder, 'cluster', 'data', VOTERS[0], 'raft');
    const before = entryBytes(raft);
    await Promise.all(Array.from({ length: MEASURED_TURNS }, (_, at) => turn(cluster, `few-${at % FEW}`)));
    this.#report.add('journalBytesPerTurn', OURS, (entryBytes(raft) - before) / MEASURED_TURNS);
    const cost = await this.#cost(cluster, 'busy', busy, warmUpMs, durationMs);
    for (const [figure, us] of Object.entries(cost.us)) this.#report.add(figure, OURS, us);
    this.#report.add('durableTurnsPerS', OURS, cost.load.perSecond);
    this.#report.add('stepsPerS', OURS, cost.load.perSecond);
    this.#report.add('turnMsP50', OURS, cost.load.p50Ms);
    this.#report.add('turnMsP99', OURS, cost.load.p99Ms);
  }

  async #residents(cluster: NodeCluster): Promise<void> {
    const { residents, busy, warmUpMs, durationMs } = this.#size;
    const few = (): Promise<Cost> => this.#cost(cluster, 'few', FEW, warmUpMs, durationMs / 2);
    await this.#warm(cluster);
    const alone = await few();
    let next = 0;
    const wake = async (): Promise<void> => {
      while (next < residents) await turn(cluster, `resident-${next++}`);
    };
    await Promise.all(Array.from({ length: busy }, wake));
    const among = await few();
    this.#report.add('residentsCost', OURS, among.allUs / alone.allUs);
    this.#report.note(`residents: ${told(alone)} with ${FEW} agents, ${told(among)} with ${residents + FEW}`);
  }

  async #history(cluster: NodeCluster): Promise<void> {
    const { events, warmUpMs, durationMs } = this.#size;
    const cost = (name: string): Promise<Cost> => this.#cost(cluster, name, OLD, warmUpMs, durationMs / 2);
    await this.#warm(cluster);
    const young = await cost('young');
    // A turn is three events: a step begins, it ends, the turn ends.
    const grow = async (at: number): Promise<void> => {
      for (let n = 0; n * 3 < events; n++) await turn(cluster, `old-${at}`);
    };
    await Promise.all(Array.from({ length: OLD }, (_, at) => grow(at)));
    const old = await cost('old');
    this.#report.add('historyCost', OURS, old.allUs / young.allUs);
    this.#report.note(`history: ${told(young)} of young agents, ${told(old)} of those with ${events} events`);
  }

  /** Rate and processor time of turns, once all agents that work are activated. */
  async #cost(cluster: NodeCluster, name: string, agents: number, warmUpMs: number, durationMs: number): Promise<Cost> {
    const pids = (names: readonly string[]): number[] =>
      cluster.processes.filter(({ id }) => names.includes(id)).map(({ child }) => child.pid);
    const groups = { workersUs: pids(WORKERS), votersUs: pids(VOTERS), driverUs: [process.pid] };
    const spent = (): number[] => Object.values(groups).map(allMs);
    await this.#load(cluster, name, agents, 0, warmUpMs);
    const before = spent();
    const load = await this.#load(cluster, name, agents, 0, durationMs);
    const turns = (load.perSecond * durationMs) / 1_000;
    const each = spent().map((ms, at) => ((ms - (before[at] ?? 0)) * 1_000) / turns);
    const us = Object.fromEntries(Object.keys(groups).map((group, at) => [group, each[at] ?? 0]));
    return { load, us, allUs: each.reduce((sum, part) => sum + part, 0) };
  }

  /** What runs first would otherwise be measured with code that isn't compiled yet. */
  async #warm(cluster: NodeCluster): Promise<void> {
    await this.#load(cluster, 'warm', FEW, 0, this.#size.durationMs);
  }

  /** @throws Error when a turn failed */
  async #load(
    cluster: NodeCluster,
    name: string,
    agents: number,
    warmUpMs: number,
    durationMs: number,
  ): Promise<LoadResult> {
    const operation = (at: number): Promise<number> => turn(cluster, `${name}-${at}`);
    const result = await closedLoops({ clients: agents, warmUpMs, durationMs, operation });
    if (result.failures > 0) throw new Error(`${result.failures} turns failed`, { cause: result.failure });
    return result;
  }
}

async function turn({ here }: NodeCluster, key: string): Promise<number> {
  return (await agentRef(here.host, worker, key).ask('work', undefined, { timeoutMs: ASK_MS })) as number;
}

/** Bytes of all entries in a log, of which a copy is read: its node is running. */
function entryBytes(folder: string): number {
  let bytes = 0;
  const copy = `${folder}-copy`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  for (const record of readLog(copy)) if (record.commands !== undefined) bytes += record.bytes;
  return bytes;
}

function told({ load, allUs }: Cost): string {
  return `${Math.round(load.perSecond).toLocaleString('en-GB')} turns/s at ${Math.round(allUs)} us`;
}

/** Processor time of all threads of processes, ms. */
function allMs(pids: readonly number[]): number {
  return pids.flatMap((pid) => [...threadTimes(pid).values()]).reduce((sum, ms) => sum + ms, 0);
}
