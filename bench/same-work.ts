import type { NodeCluster } from './nodes.ts';
import { median } from './report.ts';
import { sleep } from './resources.ts';

/** What agents do whose time is compared: so many steps, in each of which a tool works so long, ms. */
export const SAME_WORK = { steps: 10, stepMs: 50 } as const;
/** Agents side by side. */
const AGENTS = 8;
/** Longest time for one agent's work, ms. */
const RUN_MS = 30_000;

/** Agents of two kinds that do the same work. */
export interface SameWork {
  readonly kinds: readonly [string, string];
  readonly method: string;
  readonly input: unknown;
  /** How often each kind takes its turn, and one turn more, which compiles the code and isn't counted. */
  readonly laps: number;
}

/**
 * Times the same work of two kinds of agents. The kinds take turns, and who goes first changes. Agents of one turn begin over the time of one
 * step: where all begin in the same millisecond, each of their steps waits for the processor time of all the others.
 *
 * @returns medians in the order of the kinds, ms
 */
export async function timeSameWork(
  { here }: NodeCluster,
  { kinds, method, input, laps }: SameWork,
): Promise<readonly [number, number]> {
  const run = async (kind: string, at: number): Promise<number> => {
    await sleep((at * SAME_WORK.stepMs) / AGENTS);
    const started = performance.now();
    await here.host.ask({ kind, key: `timed-${at}` }, method, input, { timeoutMs: RUN_MS });
    return performance.now() - started;
  };
  const [one, other] = kinds;
  const times = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  for (let lap = 0; lap <= laps; lap++) {
    for (const kind of lap % 2 === 0 ? kinds : kinds.toReversed()) {
      const took = await Promise.all(Array.from({ length: AGENTS }, (_, at) => run(kind, at)));
      if (lap > 0) times.get(kind)?.push(...took);
    }
  }
  return [median(times.get(one) ?? []), median(times.get(other) ?? [])];
}
