import { join } from 'node:path';
import type { ValueClient } from '../raft/cluster.ts';
import { killLeaders } from '../raft/failover.ts';
import { TroupeCluster } from '../raft/troupe.ts';
import { type FigureSpec, OURS, percentile, Report } from '../report.ts';
import { AccountedValues } from './accounted-values.ts';

/** Time-outs of 150 to 300 ms. */
const TIMING = { heartbeatMs: 25, electionMs: 150 } as const;
/** Kills between two lines of progress. */
const SAY_EVERY = 10;
/** Steps of the histogram, ms: fine where times are expected, wide in the tail. */
const STEPS = [0, 50, 100, 150, 200, 250, 300, 350, 400, 500, 600, 800, 1_000, 1_500, 2_000, 5_000, 20_000] as const;
/** Its longest bar, characters. */
const BAR = 50;

const figure = (name: string, unit: string, title: string, atMost?: number): FigureSpec => ({
  name,
  unit,
  title,
  ...(atMost === undefined ? {} : { goal: { atMost } }),
});
const FIGURES: readonly FigureSpec[] = [
  figure('kills', 'kills', 'SIGKILL of the leader, each of which came back'),
  figure('acknowledged', 'writes', 'acknowledged writes'),
  figure('unknown', 'writes', 'writes whose outcome the client was not told'),
  figure('lost', 'writes', 'acknowledged writes that are gone', 0),
  figure('doubled', 'writes', 'writes that were carried out twice', 0),
  figure('failoverMsP50', 'ms', 'SIGKILL to the first acknowledgement of a later write', 400),
  figure('failoverMsP99', 'ms', '99th percentile', 800),
  figure('failoverMsMax', 'ms', 'longest'),
];

/** What a soak found. */
export interface Soaked {
  readonly report: Report;
  readonly histogram: string;
  /** Nothing was lost or doubled. */
  readonly sound: boolean;
}

/** Kills the leader of three voters under load, `kills` times, and accounts for every write at the end. */
export async function leaderKill(folder: string, kills: number, progress: (text: string) => void): Promise<Soaked> {
  await using cluster = new TroupeCluster(join(folder, OURS), TIMING);
  await cluster.start();
  const values = new AccountedValues(cluster.running.kv);
  const client: ValueClient = { put: values.put, get: values.get, close: () => undefined };
  const times: number[] = [];
  const { lost: missing } = await killLeaders(cluster, client, kills, (ms) => {
    times.push(ms);
    if (times.length % SAY_EVERY > 0 && times.length < kills) return;
    progress(`${times.length} of ${kills} kills, ${values.acknowledged} writes; last ${Math.round(ms)} ms`);
  });
  const { stats } = await cluster.running.status();
  const { lost, doubled } = await values.audit(stats.puts);
  const report = new Report('leader-kill', FIGURES);
  report.add('kills', OURS, times.length);
  report.add('acknowledged', OURS, values.acknowledged);
  report.add('unknown', OURS, values.unknown);
  report.add('lost', OURS, missing + lost);
  report.add('doubled', OURS, doubled);
  report.add('failoverMsP50', OURS, percentile(times, 0.5));
  report.add('failoverMsP99', OURS, percentile(times, 0.99));
  report.add('failoverMsMax', OURS, Math.max(...times));
  return { report, histogram: histogram(times), sound: missing + lost + doubled === 0 };
}

function histogram(times: readonly number[]): string {
  const counts = STEPS.map((from, at) => times.filter((ms) => ms >= from && ms < (STEPS[at + 1] ?? Infinity)).length);
  const most = Math.max(...counts);
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return counts
    .map((count, at) => {
      const range = `${STEPS[at]}-${STEPS[at + 1] ?? ''} ms`;
      return `${range.padStart(14)}  ${String(count).padStart(4)}  ${'#'.repeat(Math.ceil((count * BAR) / most))}`.trimEnd();
    })
    .slice(first, last + 1)
    .join('\n');
}
