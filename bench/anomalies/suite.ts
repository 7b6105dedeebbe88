import { type Point, Points } from '../crash/points.ts';
import { Tool } from '../crash/tool.ts';
import { DRIVER, VOTERS } from '../layout.ts';
import type { NodeCluster } from '../nodes.ts';
import { runParts } from '../parts.ts';
import { type FigureSpec, OURS, Report } from '../report.ts';
import { timeSameWork } from '../same-work.ts';
import type { BenchOptions, Suite } from '../suite.ts';
import { MODES, type Mode, RECEIVERS, racerWith, racerWithout } from './racer.ts';
import { type Anomaly, Races } from './races.ts';

const WORKERS: Readonly<Record<Mode, readonly string[]>> = {
  with: ['with-1', 'with-2'],
  without: ['without-1', 'without-2'],
};
const PART_MS = 290_000;
const ANOMALIES: readonly Anomaly[] = ['phantomEffect', 'causalCascade', 'effectReordering', 'staleGeneration'];

/** `races` of each anomaly and mode, so many at a time. */
const FULL = { races: 1_000, batch: 250, laps: 12 } as const;
const QUICK = { races: 20, batch: 20, laps: 2 } as const;

/** Everything that `bench -- anomalies` measures. */
const FIGURES: readonly FigureSpec[] = [
  { name: 'withProtection', unit: 'races', title: 'races in which an anomaly happened', goal: { atMost: 0 } },
  {
    name: 'withoutProtection',
    unit: 'races',
    title: 'the same, journals kept by the test kit without protection',
    goal: { figure: 'races', atLeast: 0.95 },
  },
  {
    name: 'overhead',
    unit: 'ratio',
    title: 'time for ten steps of 50 ms with protection to that without',
    goal: { atMost: 1.1 },
  },
  { name: 'races', unit: 'races', title: 'races with protection, and as many without' },
  { name: 'staleGeneration', unit: 'races', title: 'an older incarnation committed after a newer one' },
  { name: 'phantomEffect', unit: 'races', title: 'what a turn had done was seen, and isn’t so' },
  { name: 'causalCascade', unit: 'races', title: 'others acted on a message of a turn that was lost' },
  { name: 'effectReordering', unit: 'races', title: 'of two effects the earlier one took effect last' },
  { name: 'protectedMs', unit: 'ms', title: 'ten steps of 50 ms, with protection' },
  { name: 'unprotectedMs', unit: 'ms', title: 'the same without' },
];
/** The column of what is without protection. */
const WITHOUT = 'unprotected';

/** Scripted races for what durable agents must never do, with their protection and without. */
export const anomaliesSuite: Suite = {
  name: 'anomalies',
  parts: ['races', 'overhead'],
  rounds: 1,
  run: (options) => new AnomaliesBench(options).run(),
};

class AnomaliesBench {
  readonly #options: BenchOptions;
  readonly #report: Report = new Report('anomalies', FIGURES);
  readonly #size: typeof FULL | typeof QUICK;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#size = options.quick ? QUICK : FULL;
  }

  async run(): Promise<Report> {
    const workers = Object.entries(WORKERS).flatMap(([mode, ids]) =>
      ids.map((id) => ({ id, labels: { role: MODES[mode as Mode] } })),
    );
    await runParts(this.#options, {
      config: {
        name: 'anomalies',
        agents: [new URL('./racer.ts', import.meta.url)],
        nodes: [...VOTERS.map((id) => ({ id, voter: true })), ...workers, { id: DRIVER, labels: { role: RECEIVERS } }],
      },
      here: DRIVER,
      entry: new URL('./process.ts', import.meta.url),
      limitMs: PART_MS,
      parts: {
        races: (cluster, folder) => this.#races(cluster, folder),
        overhead: (cluster, folder) => this.#overhead(cluster, folder),
      },
    });
    return this.#report;
  }

  /** Both modes at the same time, each on workers of its own. */
  async #races(cluster: NodeCluster, folder: string): Promise<void> {
    await using tool = await Tool.start(folder);
    const modes = new Map<Mode, Races>();
    const racesOn = ({ node }: Point): Races | undefined =>
      [...modes].find(([mode]) => WORKERS[mode].includes(node))?.[1];
    await using points = await Points.open((point) => racesOn(point)?.reached(point) ?? true);
    const track = { cluster, tool, points: points.url };
    const run = (mode: Mode): Promise<number> => {
      const races = new Races(track, mode, WORKERS[mode]);
      modes.set(mode, races);
      return this.#all(mode, races);
    };
    const [withIt, without] = await Promise.all([run('with'), run('without')]);
    this.#report.add('withProtection', OURS, withIt);
    this.#report.add('withoutProtection', OURS, without);
    this.#report.add('races', OURS, this.#size.races * ANOMALIES.length);
  }

  async #all(mode: Mode, races: Races): Promise<number> {
    let sum = 0;
    for (const anomaly of ANOMALIES) {
      let happened = 0;
      for (let run = 0; run < this.#size.races; run += this.#size.batch) {
        happened += await races.run(anomaly, this.#size.batch);
      }
      this.#options.progress(`${mode} protection: ${anomaly} in ${happened} of ${this.#size.races} races`);
      this.#report.add(anomaly, mode === 'with' ? OURS : WITHOUT, happened);
      sum += happened;
    }
    return sum;
  }

  async #overhead(cluster: NodeCluster, folder: string): Promise<void> {
    await using tool = await Tool.start(folder);
    const input = { tool: tool.url };
    const kinds = [racerWith.kind, racerWithout.kind] as const;
    const [protectedMs, unprotectedMs] = await timeSameWork(cluster, {
      kinds,
      method: 'work',
      input,
      laps: this.#size.laps,
    });
    this.#report.add('protectedMs', OURS, protectedMs);
    this.#report.add('unprotectedMs', OURS, unprotectedMs);
    this.#report.add('overhead', OURS, protectedMs / unprotectedMs);
  }
}
