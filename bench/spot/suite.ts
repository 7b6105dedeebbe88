import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentRef } from '../../src/agent/index.ts';
import { DRIVER, layout } from '../layout.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, median, OURS, Report } from '../report.ts';
import { eventually } from '../resources.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { Capacity } from './capacity.ts';
import { OWN_TRACE, priceRatio, readTrace, WORKERS_MAX } from './trace.ts';
import { STEPS, scratch, worker } from './work.ts';

const WORKERS = Array.from({ length: WORKERS_MAX }, (_, at) => `spot-${at + 1}`);
const AGENTS = 48;
/** A second of a trace stands for so many: notices are shorter by that. */
const SCALE = 20;
/** Longer than any trace, ms. */
const PART_MS = 600_000;
const ASK_MS = 400_000;
const PLACED_MS = 30_000;
/** Spot machines cost about this part of on-demand ones: clouds offer up to nine tenths off, and what one pays is mostly less of a bargain. */
export const PRICE_RATIO = 0.3;
const QUICK_TICKS = 16;

/** What one pass over a trace is. */
interface Pass {
  readonly kind: typeof worker;
  /** What a machine hears, s; as long as in the real world. */
  readonly noticeS: number;
  /** All machines all the time. */
  readonly steady?: true;
}

const PASSES: Readonly<Record<string, Pass>> = {
  '120': { kind: worker, noticeS: 120 },
  '30': { kind: worker, noticeS: 30 },
  '0': { kind: worker, noticeS: 0 },
  scratch: { kind: scratch, noticeS: 0 },
  onDemand: { kind: worker, noticeS: 0, steady: true },
};

/** Everything that `bench -- spot` measures. */
const FIGURES: readonly FigureSpec[] = [
  { name: 'lost', unit: 'steps', title: 'steps of finished jobs that no state knows of', goal: { atMost: 0 } },
  { name: 'repeated', unit: 'effects', title: 'effects done twice, with notice of 120 or 30 s', goal: { atMost: 0 } },
  { name: 'repeatedKilled', unit: 'effects', title: 'the same without notice' },
  { name: 'pauseMsP50', unit: 'ms', title: 'an agent stands still to be moved, median' },
  { name: 'pauseMsP99', unit: 'ms', title: 'the same, 99th percentile of the worst move' },
  { name: 'workOfOnDemand', unit: 'ratio', title: 'work a machine-second, to that of machines that stay' },
  { name: 'workOfScratch', unit: 'ratio', title: 'the same, to that of jobs that are killed and begin again' },
  { name: 'saving', unit: 'ratio', title: 'part of the price of a piece of work that is saved' },
];

/** Spot workers come and go as a trace has it, and work goes on. */
export const spotSuite: Suite = {
  name: 'spot',
  parts: Object.keys(PASSES),
  rounds: 1,
  flags: ['trace', 'price-ratio'],
  run: (options) => new SpotBench(options).run(),
};

class SpotBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('spot', FIGURES);
  /** What all passes come to. */
  readonly #sums: Map<string, number> = new Map();
  /** Median and 99th percentile of each move. */
  readonly #pauses: (readonly [number, number])[] = [];
  readonly #trace: readonly number[];
  readonly #ratio: number;
  /** Steps of finished jobs for each second of a machine, by pass. */
  readonly #yield: Map<string, number> = new Map();

  constructor(options: BenchOptions) {
    this.#options = options;
    const trace = readTrace(options.flags.get('trace') ?? OWN_TRACE);
    this.#trace = options.quick ? trace.slice(0, QUICK_TICKS) : trace;
    this.#ratio = priceRatio(options.flags.get('price-ratio') ?? String(PRICE_RATIO));
  }

  async run(): Promise<Report> {
    const passes = Object.entries(PASSES).map(([name, pass]) => {
      const work = (cluster: NodeCluster, folder: string): Promise<void> => this.#pass(cluster, folder, name, pass);
      return [name, work] as const;
    });
    await runParts(this.#options, {
      config: {
        name: 'spot',
        agents: [new URL('./work.ts', import.meta.url)],
        nodes: layout(WORKERS, { capacity: 'spot' }),
      },
      here: DRIVER,
      limitMs: PART_MS,
      parts: Object.fromEntries(passes),
    });
    this.#compare();
    return this.#report;
  }

  async #pass(cluster: NodeCluster, folder: string, name: string, pass: Pass): Promise<void> {
    const file = join(folder, 'effects');
    writeFileSync(file, '');
    await placed(cluster, pass.kind.kind);
    const trace = pass.steady ? this.#trace.map(() => WORKERS.length) : this.#trace;
    const capacity = new Capacity(cluster, WORKERS, (pass.noticeS * 1_000) / SCALE);
    let goesOn = true;
    let finished = 0;
    const jobs = new Array<number>(AGENTS).fill(0);
    const agent = (at: number) => agentRef(cluster.here.host, pass.kind, `${at}`);
    const loop = async (at: number): Promise<void> => {
      while (goesOn) {
        const job = jobs[at] as number;
        await agent(at).ask('job', { file, job }, { timeoutMs: ASK_MS, requestId: `${name}-${at}-${job}` });
        jobs[at] = job + 1;
        if (goesOn) finished++;
      }
    };
    const loops = Promise.all(jobs.map((_, at) => loop(at)));
    await Promise.race([capacity.replay(trace), loops]);
    goesOn = false;
    await capacity.restore();
    await loops;
    const counts = await Promise.all(jobs.map((_, at) => agent(at).ask('read', null, { timeoutMs: ASK_MS })));
    const lost = counts.reduce((sum, count, at) => sum + Math.max(0, (jobs[at] as number) - count) * STEPS, 0);
    const effects = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const repeated = effects.length - new Set(effects).size;
    this.#yield.set(name, (finished * STEPS) / capacity.workerSeconds);
    this.#note(name, capacity, finished, repeated);
    if (pass.kind === scratch) return;
    this.#sum('lost', lost);
    if (pass.noticeS === 0) {
      if (!pass.steady) this.#report.add('repeatedKilled', OURS, repeated);
      return;
    }
    this.#sum('repeated', repeated);
    const moves = capacity.accounts.filter(({ agents }) => agents > 0);
    for (const { pauseMsP50, pauseMsP99 } of moves) this.#pauses.push([pauseMsP50, pauseMsP99]);
  }

  #sum(name: string, value: number): void {
    this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
  }

  #note(name: string, { taken, accounts, workerSeconds }: Capacity, finished: number, repeated: number): void {
    const moved = accounts.reduce((sum, { agents }) => sum + agents, 0);
    this.#report.note(
      `${name}: ${finished} jobs of ${STEPS} steps in ${workerSeconds} machine-seconds; ${taken} machines taken, ${moved} agents moved, ${repeated} effects repeated`,
    );
  }

  #compare(): void {
    for (const [name, sum] of this.#sums) this.#report.add(name, OURS, sum);
    if (this.#pauses.length > 0) {
      this.#report.add('pauseMsP50', OURS, median(this.#pauses.map(([p50]) => p50)));
      this.#report.add('pauseMsP99', OURS, Math.max(...this.#pauses.map(([, p99]) => p99)));
    }
    const [noticed, begun, steady] = ['120', 'scratch', 'onDemand'].map((name) => this.#yield.get(name));
    if (noticed !== undefined && begun) this.#report.add('workOfScratch', OURS, noticed / begun);
    if (noticed === undefined || !steady) return;
    this.#report.add('workOfOnDemand', OURS, noticed / steady);
    this.#report.add('saving', OURS, 1 - (this.#ratio * steady) / noticed);
    this.#report.note(`saving: a spot machine at ${this.#ratio} of an on-demand one's price, workers only`);
  }
}

/** Resolves when all shards of a kind have a home, and none is about to move. */
async function placed({ here }: NodeCluster, kind: string): Promise<void> {
  await eventually(PLACED_MS, 'the shards are placed', () => {
    const shards = here.life.map.shards().filter(({ group }) => group === kind);
    const homes = new Set(shards.map(({ owner }) => owner?.node));
    const still = shards.every(({ owner, target }) => owner !== undefined && target === undefined);
    return still && homes.size === WORKERS.length ? true : undefined;
  });
}
