import { measureCpu } from '../cpu.ts';
import { closedLoops, type LoadResult } from '../load.ts';
import { OURS, type Report } from '../report.ts';
import type { Cluster, ValueClient } from './cluster.ts';
import { numbered } from './tracked-writes.ts';

/** Numbers of closed loops that write, and that read. */
export const WRITERS: readonly number[] = [1, 16, 64, 256];
export const READERS: readonly number[] = [1, 64, 256];
/** Numbers of loops for the plainest client. */
export const UNARY: readonly number[] = [1, 64];
/** Writers at which processor time is looked at. */
const PROFILED = 64;
/** Keys of each loop. */
const KEYS = 100;

/** How long each number of loops runs, ms. */
export interface Slice {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/**
 * Writes and reads with ever more loops, as the best client does them, then with plain unary calls. The clusters take turns at each
 * number of loops: the machine's mood changes within seconds, and both are to have the same of it.
 */
export async function throughput(clusters: readonly Cluster[], slice: Slice, report: Report): Promise<void> {
  for (const [kind, writers, readers, suffix] of [
    ['best', WRITERS, READERS, ''],
    ['unary', UNARY, [], 'Unary'],
  ] as const) {
    const driven = clusters.map((cluster) => ({ cluster, client: cluster.connect(kind) }));
    for (const { client } of driven) await warmUp(client, slice);
    for (const clients of writers) {
      for (const { cluster, client } of driven) {
        const processors = kind === 'best' && clients === PROFILED ? await watchProcessors(cluster) : undefined;
        const result = await closedLoops({
          ...slice,
          clients,
          operation: (loop, n) => client.put(`load/${loop}/${n % KEYS}`, numbered(n)),
        });
        record(report, cluster.name, 'writes', clients, suffix, result);
        processors?.(result.perSecond, slice, report);
      }
    }
    for (const clients of readers) {
      for (const { cluster, client } of driven) {
        const operation = (loop: number, n: number): Promise<unknown> => client.get(`load/${loop}/${n % KEYS}`);
        const result = await closedLoops({ ...slice, clients, operation });
        record(report, cluster.name, 'reads', clients, suffix, result);
      }
    }
    for (const { client } of driven) await client.close();
  }
}

/** Clusters run for days: what a process must first compile, open and grow is not counted. One loop alone would take minutes for that. */
async function warmUp(client: ValueClient, { durationMs }: Slice): Promise<void> {
  const operation = (loop: number, n: number): Promise<unknown> => client.put(`load/${loop}/${n % KEYS}`, numbered(n));
  await closedLoops({ clients: PROFILED, warmUpMs: 0, durationMs, operation });
}

/** Looks at who uses the processors from now on; the result reports it for each write. */
async function watchProcessors(cluster: Cluster): Promise<(perSecond: number, slice: Slice, report: Report) => void> {
  const leader = await cluster.leader();
  const client = measureCpu(process.pid);
  const nodes = cluster.nodes.map((node) => ({ leads: node === leader, use: measureCpu(cluster.pid(node)) }));
  return (perSecond, { warmUpMs, durationMs }, report) => {
    // The load was as high while it warmed up.
    const writes = (perSecond * (warmUpMs + durationMs)) / 1_000;
    const used = nodes.map(({ leads, use }) => ({ leads, ...use() }));
    const each = (ms: number): number => (ms * 1_000) / writes;
    report.add('clientUs64', cluster.name, each(client().allMs));
    for (const { leads, allMs, mainMs, busiestMs } of used) {
      report.add(leads ? 'leaderUs64' : 'followerUs64', cluster.name, each(allMs));
      if (cluster.name !== OURS || !leads) continue;
      report.add('leaderMainUs64', OURS, each(mainMs));
      report.add('leaderControlUs64', OURS, each(busiestMs));
    }
  };
}

function record(
  report: Report,
  column: string,
  what: 'writes' | 'reads',
  clients: number,
  suffix: string,
  { perSecond, p50Ms, p99Ms, failures, failure }: LoadResult,
): void {
  report.add(`${what}${clients}${suffix}`, column, perSecond);
  if (what === 'writes') {
    report.add(`p50Ms${clients}${suffix}`, column, p50Ms);
    report.add(`p99Ms${clients}${suffix}`, column, p99Ms);
  }
  if (failures > 0) report.note(`${column}: ${failures} ${what} of ${clients} loops failed, first: ${failure}`);
}
