import { residentBytes } from '../cpu.ts';
import { median } from '../report.ts';
import { sleep } from '../resources.ts';
import type { Cluster, ValueClient } from './cluster.ts';
import { numbered } from './tracked-writes.ts';

const LOOPS = 256;
const KEYS = 100;
/** How often memory is looked at, ms. */
const SAMPLE_MS = 100;
/** At both ends of what is compared, the part of it whose samples count. */
const END_SHARE = 0.1;

/** What a run writes. */
export interface MemoryLoad {
  /** Writes before memory is compared: heaps, caches and arenas of the allocator grow to their sizes until then. */
  readonly warmUp: number;
  /** Writes over which it must stay flat. */
  readonly writes: number;
  /** Longest time for all of them, ms. */
  readonly limitMs: number;
}

/** Memory of the voters while they take writes. */
export interface MemoryUse {
  /**
   * The most that a voter's resident memory grew over `writes`, MiB (medians of the samples at both ends); undefined when there was
   * no time for all of them.
   */
  readonly growthMb: number | undefined;
  /** The most that a voter had resident at the end, MiB. */
  readonly residentMb: number;
  /** Writes there was time for, the warm-up's included. */
  readonly done: number;
}

/** Writes for as long as there is time, and watches what the voters keep resident. */
export async function memoryUse(cluster: Cluster, client: ValueClient, load: MemoryLoad): Promise<MemoryUse> {
  const count = load.warmUp + load.writes;
  const until = performance.now() + load.limitMs;
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
  const resident = (node: number, from: number, to: number): number =>
    median(samples.filter((sample) => sample.done >= from && sample.done <= to).map((s) => s.bytes[node] ?? 0)) /
    2 ** 20;
  const end = load.writes * END_SHARE;
  const voters = cluster.nodes.map((_, node) => ({
    early: resident(node, load.warmUp, load.warmUp + end),
    late: resident(node, done - end, done),
  }));
  return {
    growthMb: done < count ? undefined : Math.max(...voters.map(({ early, late }) => late - early)),
    residentMb: Math.max(...voters.map(({ late }) => late)),
    done,
  };
}
