import type { NodeCluster } from './nodes.ts';
import { median } from './report.ts';
import { sleep } from './resources.ts';

/** What agents do whose time is compared: so many steps, in each of which a tool works so long, ms. */
export const SAME_WORK = { steps: 10, stepMs: 50 } as const;
/** Agents side by side. */
const AGENTS = 8;
/** Turns of each kind before anything is counted, and how many of them at a time. */
const WARM_TURNS = 800;
const WARM_AGENTS = 32;
/** Longest time for one agent's turn, ms. */
const TURN_MS = 60_000;

/** Agents of two kinds that do the same work. */
export interface SameWork {
  readonly kinds: readonly [string, string];
  readonly method: string;
  /** What the method takes beside `SAME_WORK`. */
  readonly input: Readonly<Record<string, unknown>>;
  /** How often each kind takes its turn. */
  readonly laps: number;
}

/**
 * Times the same work of two kinds of agents. The kinds take turns, and who goes first changes. Agents of one lap begin over the time of one step:
 * where all begin in the same millisecond, each step of each waits for the processor time of all others. Before that both do the work without
 * waiting for tools, until the code of all processes is compiled: what only one of the kinds uses takes longer to be.
 *
 * @returns medians in the order of the kinds, ms
 */
export async function timeSameWork(
  { here }: NodeCluster,
  { kinds, method, input, laps }: SameWork,
): Promise<readonly [number, number]> {
  const turn = (kind: string, key: string, stepMs: number): Promise<unknown> =>
    here.host.ask({ kind, key }, method, { ...input, ...SAME_WORK, stepMs }, { timeoutMs: TURN_MS });
  const warmUp = async (kind: string, at: number): Promise<void> => {
    for (let turns = 0; turns < WARM_TURNS / WARM_AGENTS; turns++) await turn(kind, `warm-${at}`, 0);
  };
  const timed = async (kind: string, at: number): Promise<number> => {
    await sleep((at * SAME_WORK.stepMs) / AGENTS);
    const started = performance.now();
    await turn(kind, `timed-${at}`, SAME_WORK.stepMs);
    return performance.now() - started;
  };
  const sideBySide = <T>(agents: number, run: (at: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: agents }, (_, at) => run(at)));

  const [one, other] = kinds;
  const times = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  for (const kind of kinds) await sideBySide(WARM_AGENTS, (at) => warmUp(kind, at));
  for (let lap = 0; lap < laps; lap++) {
    for (const kind of lap % 2 === 0 ? kinds : kinds.toReversed()) {
      times.get(kind)?.push(...(await sideBySide(AGENTS, (at) => timed(kind, at))));
    }
  }
  return [median(times.get(one) ?? []), median(times.get(other) ?? [])];
}
