/** Load: closed loops, each of which waits for its answer before it asks again. */
import { percentile } from './report.ts';
import { sleep } from './resources.ts';

/** Time that operations still under way at the end may take, ms. */
const REST_MS = 15_000;
/** Pause of a loop after a failure, ms. */
const REFUSED_MS = 5;

/** How load is made. */
export interface LoadOptions {
  /** Loops at the same time. */
  readonly clients: number;
  /** Runs before anything is counted, ms. */
  readonly warmUpMs: number;
  /** Counted time, ms. */
  readonly durationMs: number;
  /** One operation of a loop; `n` counts that loop's operations from 0. */
  readonly operation: (client: number, n: number) => Promise<unknown>;
}

/** What load found. */
export interface LoadResult {
  /** Operations that ended well inside the counted time, a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Operations that failed inside the counted time. */
  readonly failures: number;
  /** What the first of them said. */
  readonly failure: unknown;
}

/** Runs closed loops for a fixed time. */
export async function closedLoops(options: LoadOptions): Promise<LoadResult> {
  const { clients, warmUpMs, durationMs, operation } = options;
  const from = performance.now() + warmUpMs;
  const to = from + durationMs;
  const latencies: number[] = [];
  let failures = 0;
  let failure: unknown;
  const loop = async (client: number): Promise<void> => {
    for (let n = 0; ; n++) {
      const start = performance.now();
      if (start >= to) return;
      try {
        await operation(client, n);
        const end = performance.now();
        if (end >= from && end < to) latencies.push(end - start);
      } catch (error) {
        failures++;
        failure ??= error;
        // A loop that is refused at once must not keep this process from hearing anything else.
        await sleep(REFUSED_MS);
      }
    }
  };
  const loops = Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, warmUpMs + durationMs + REST_MS);
  });
  await Promise.race([loops, late]);
  clearTimeout(timer);
  return {
    perSecond: (latencies.length * 1_000) / durationMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    failures,
    failure,
  };
}
