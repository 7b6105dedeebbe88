import { type Point, Points } from '../crash/points.ts';
import { Tool } from '../crash/tool.ts';
import { DRIVER, layout } from '../layout.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, Report } from '../report.ts';
import { eventually } from '../resources.ts';
import { SAME_WORK, timeSameWork } from '../same-work.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { Trial } from './trial.ts';
import { journalled, plain } from './worker.ts';

const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
/** What is compared. */
const KINDS = [journalled.kind, plain.kind] as const;
const PART_MS = 280_000;
const PLACED_MS = 30_000;

const FULL = { runs: 100, faults: [0, 0.1, 0.3, 0.5], laps: 12 } as const;
const QUICK = { runs: 12, faults: [0, 0.3], laps: 2 } as const;

/** Everything that `bench -- recovery` measures. */
const FIGURES: readonly FigureSpec[] = [
  { name: 'completed', unit: '%', title: 'runs that came to their end, of all', goal: { atLeast: 100 } },
  { name: 'repeated', unit: 'effects', title: 'effects that happened again', goal: { atMost: 0 } },
  {
    name: 'overhead',
    unit: 'ratio',
    title: 'time for ten steps of 50 ms with a journal to that without, no faults',
    goal: { atMost: 1.05 },
  },
  { name: 'runs', unit: 'runs', title: 'runs of ten steps in all' },
  { name: 'kills', unit: 'kills', title: 'workers killed (SIGKILL) meanwhile' },
  { name: 'diedBefore', unit: 'agents', title: 'agents that died before their effect' },
  { name: 'diedAfter', unit: 'agents', title: 'after it and before its record' },
  { name: 'diedRecovering', unit: 'agents', title: 'again while they found out what the first time had left' },
  { name: 'journalledMs', unit: 'ms', title: 'ten steps of 50 ms, with a journal' },
  { name: 'plainMs', unit: 'ms', title: 'the same without' },
];

/** Agents of ten steps whose workers are killed at every point of a step. */
export const recoverySuite: Suite = {
  name: 'recovery',
  parts: ['faults', 'overhead'],
  rounds: 1,
  run: (options) => new RecoveryBench(options).run(),
};

class RecoveryBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('recovery', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    await runParts(this.#options, {
      config: {
        name: 'recovery',
        agents: [new URL('./worker.ts', import.meta.url)],
        nodes: layout(WORKERS),
      },
      here: DRIVER,
      limitMs: PART_MS,
      parts: {
        faults: (cluster, folder) => this.#faults(cluster, folder),
        overhead: (cluster, folder) => this.#overhead(cluster, folder),
      },
    });
    return this.#report;
  }

  async #faults(cluster: NodeCluster, folder: string): Promise<void> {
    const { runs, faults } = this.#size;
    await using tool = await Tool.start(folder);
    let trial: Trial | undefined;
    await using points = await Points.open((point: Point) => trial?.reached(point) ?? true);
    await placed(cluster);
    const sum = { completed: 0, repeated: 0, kills: 0, before: 0, after: 0, recovering: 0 };
    for (const [at, probability] of faults.entries()) {
      trial = new Trial(cluster, `p${at}`, runs, probability);
      const started = performance.now();
      const outcome = await trial.play(
        { tool: tool.url, steps: SAME_WORK.steps, stepMs: 0 },
        points.url,
        () => tool.record,
      );
      const { completed, repeated, kills, struck, failure } = outcome;
      const took = Math.round((performance.now() - started) / 1_000);
      const died = `${struck.before} before, ${struck.after} after, ${struck.recovering} recovering`;
      this.#options.progress(`fault probability ${probability}: ${completed} of ${runs} in ${took} s; ${kills} kills`);
      this.#report.note(`fault probability ${probability}: ${completed} of ${runs}, ${repeated} repeated; ${died}`);
      if (failure !== undefined) this.#report.note(`a run failed: ${failure}`);
      sum.completed += completed;
      sum.repeated += repeated;
      sum.kills += kills;
      for (const moment of ['before', 'after', 'recovering'] as const) sum[moment] += struck[moment];
    }
    const all = runs * faults.length;
    this.#report.add('completed', OURS, (sum.completed / all) * 100);
    this.#report.add('repeated', OURS, sum.repeated);
    this.#report.add('runs', OURS, all);
    this.#report.add('kills', OURS, sum.kills);
    this.#report.add('diedBefore', OURS, sum.before);
    this.#report.add('diedAfter', OURS, sum.after);
    this.#report.add('diedRecovering', OURS, sum.recovering);
  }

  async #overhead(cluster: NodeCluster, folder: string): Promise<void> {
    await using tool = await Tool.start(folder);
    await placed(cluster);
    const input = { tool: tool.url };
    const [withJournal, without] = await timeSameWork(cluster, {
      kinds: KINDS,
      method: 'run',
      input,
      laps: this.#size.laps,
    });
    this.#report.add('journalledMs', OURS, withJournal);
    this.#report.add('plainMs', OURS, without);
    this.#report.add('overhead', OURS, withJournal / without);
  }
}

/** Resolves when all shards of the agents have a home. */
async function placed({ here }: NodeCluster): Promise<void> {
  await eventually(PLACED_MS, 'the shards are placed', () => {
    const shards = here.life.map.shards().filter(({ group }) => KINDS.includes(group));
    const homes = new Set(shards.map(({ owner }) => owner?.node));
    return homes.size === WORKERS.length && !homes.has(undefined) ? true : undefined;
  });
}
