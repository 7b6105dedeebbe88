import { residentBytes } from '../cpu.ts';
import { median } from '../report.ts';
import { sleep } from '../resources.ts';
import type { Cluster, ValueClient } from './cluster.ts';
import { numbered } from './tracked-writes.ts';

const LOOPS = 256;
const KEYS = 100;
/** How often memory is looked at, ms. */
const SAMPLE_MS = 100;
/** The parts of all writes that are compared: the middle, when every buffer has found its size, and the end. */
const EARLY = [0.45, 0.55] as const;
const LATE = [0.9, 1] as const;

/** Memory of the voters while they take writes. */
export interface MemoryUse {
  /** The most that a voter's resident memory grew from the early to the late part, MiB (medians of samples). */
  readonly growthMb: number;
  /** The most that a voter had resident at the end, MiB. */
  readonly residentMb: number;
  /** Writes there was time for. */
  readonly writes: number;
}

/** Writes `count` times, for at most `limitMs`, and watches what the voters keep resident. */
export async function memoryUse(
  cluster: Cluster,
  client: ValueClient,
  count: number,
  limitMs: number,
): Promise<MemoryUse> {
  const until = performance.now() + limitMs;
  const samples: { readonly done: number; readonly bytes: readonly number[] }[] = [];
  let started = 0;
  let done = 0;
  const loop = async (_: unknown, at: number): Promise<void> => {
    for (let n = 0; started < count && performance.now() < until; n++) {
      started++;
      await client.put(`memory/${at}/${n % KEYS}`, numbered(n)).catch(() => sleep(1));
      done++;
    }
  };
  const look = setInterval(() => {
    samples.push({ done, bytes: cluster.nodes.map((node) => residentBytes(cluster.pid(node))) });
  }, SAMPLE_MS);
  try {
    await Promise.all(Array.from({ length: LOOPS }, loop));
  } finally {
    clearInterval(look);
  }
  const part = (node: number, [from, to]: readonly [number, number]): number =>
    median(
      samples.filter((sample) => sample.done >= done * from && sample.done <= done * to).map((s) => s.bytes[node] ?? 0),
    ) /
    2 ** 20;
  const voters = cluster.nodes.map((_, node) => ({ early: part(node, EARLY), late: part(node, LATE) }));
  return {
    growthMb: Math.max(...voters.map(({ early, late }) => late - early)),
    residentMb: Math.max(...voters.map(({ late }) => late)),
    writes: done,
  };
}
