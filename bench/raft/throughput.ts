import { closedLoops, type LoadResult } from '../load.ts';
import type { Report } from '../report.ts';
import type { Cluster } from './cluster.ts';
import { numbered } from './tracked-writes.ts';

/** Numbers of closed loops that write, and that read. */
export const WRITERS: readonly number[] = [1, 16, 64, 256];
export const READERS: readonly number[] = [1, 64, 256];
/** Numbers of loops for the plainest client. */
export const UNARY: readonly number[] = [1, 64];
/** Keys of each loop. */
const KEYS = 100;

/** How long each number of loops runs, ms. */
export interface Slice {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Writes and reads with ever more loops, as the best client does them, then with plain unary calls. */
export async function throughput(cluster: Cluster, slice: Slice, report: Report): Promise<void> {
  const best = cluster.connect('best');
  for (const clients of WRITERS) {
    const result = await closedLoops({
      ...slice,
      clients,
      operation: (loop, n) => best.put(`load/${loop}/${n % KEYS}`, numbered(n)),
    });
    record(report, cluster.name, 'writes', clients, '', result);
  }
  for (const clients of READERS) {
    const result = await closedLoops({
      ...slice,
      clients,
      operation: (loop, n) => best.get(`load/${loop}/${n % KEYS}`),
    });
    record(report, cluster.name, 'reads', clients, '', result);
  }
  await best.close();
  const unary = cluster.connect('unary');
  for (const clients of UNARY) {
    const result = await closedLoops({
      ...slice,
      clients,
      operation: (loop, n) => unary.put(`load/${loop}/${n % KEYS}`, numbered(n)),
    });
    record(report, cluster.name, 'writes', clients, 'Unary', result);
  }
  await unary.close();
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
