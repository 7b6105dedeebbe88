import { eventually, sleep } from '../resources.ts';
import type { ValueClient } from './cluster.ts';
import { numbered } from './tracked-writes.ts';
import type { TroupeCluster } from './troupe.ts';

const LOOPS = 16;
const KEYS = 100;
/** Load before the first lap, until caches and code are warm, ms. */
const WARM_UP_MS = 3_000;
/** What a catch-up is compared with: the load of so long before the follower is stopped, and after it has caught up, ms. */
const STEADY_MS = 2_000;
/** Longest stop, and longest time to catch up, ms. */
const BEHIND_MS = 60_000;
const CATCH_UP_MS = 60_000;
/** A follower this close to the leader's index has caught up: entries on their way are no lag. */
const CLOSE_ENTRIES = 50;
/** How often a follower's index is asked for, ms. */
const LOOK_MS = 50;

/** Part of what the loops can write at most, where the machine is to have processor time to spare. */
const HALF = 0.5;

/** What a follower that was far behind cost the others, over all laps. */
export interface Laggard {
  /** Acknowledged writes while it caught up, as a share of what the rates before and after would have made in that time. */
  readonly rateShare: number;
  /** From SIGCONT to the leader's index, ms, of each lap. */
  readonly catchUpMs: readonly number[];
  /** Snapshots that it installed on the way. */
  readonly snapshots: number;
}

/**
 * Stops a follower until the leader's log doesn't go back to where it was, lets it go on, and compares the rate of writes while it
 * catches up with that before and after. A lap lasts too short for one figure to say much on a machine that does other things too.
 *
 * @param laps how often; the followers take turns
 * @param writesBehind writes that it misses: more than the log keeps behind a snapshot
 * @param load `full`: as many writes as the loops can; `half`: half as many, so that catching up needs not take processor time
 *   away from the others, which share this machine
 */
export async function laggard(
  cluster: TroupeCluster,
  client: ValueClient,
  laps: number,
  writesBehind: number,
  load: 'full' | 'half',
): Promise<Laggard> {
  let stopped = false;
  let done = 0;
  /** Between two writes of one loop, ms. */
  let pauseMs = 0;
  const loop = async (_: unknown, at: number): Promise<void> => {
    for (let n = 0; !stopped; n++) {
      await client.put(`laggard/${at}/${n % KEYS}`, numbered(n)).catch(() => sleep(1));
      done++;
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  const rate = async (work: () => Promise<unknown>): Promise<{ writes: number; perMs: number; ms: number }> => {
    const [start, before] = [performance.now(), done];
    await work();
    const ms = performance.now() - start;
    return { writes: done - before, perMs: (done - before) / ms, ms };
  };
  const caughtUp = (follower: string, leader: string) => async (): Promise<true | undefined> => {
    await sleep(LOOK_MS);
    const [own, first] = await Promise.all([cluster.appliedIndex(follower), cluster.appliedIndex(leader)]);
    return own >= first - CLOSE_ENTRIES ? true : undefined;
  };
  const installed = (): number => cluster.nodes.reduce((sum, node) => sum + cluster.snapshotsInstalled(node), 0);

  const loops = Promise.all(Array.from({ length: LOOPS }, loop));
  const snapshots = installed();
  const found = { writes: 0, expected: 0, catchUpMs: [] as number[] };
  try {
    await sleep(WARM_UP_MS);
    if (load === 'half') {
      const { perMs } = await rate(() => sleep(STEADY_MS));
      pauseMs = (LOOPS / perMs) * (1 / HALF - 1);
    }
    for (let lap = 0; lap < laps; lap++) {
      const leader = await cluster.leader();
      const follower = cluster.nodes.filter((node) => node !== leader)[lap % 2] as string;
      const before = await rate(() => sleep(STEADY_MS));
      cluster.signal(follower, 'SIGSTOP');
      try {
        const target = done + writesBehind;
        await eventually(BEHIND_MS, 'the follower is far behind', () => (done >= target ? true : undefined));
      } finally {
        cluster.signal(follower, 'SIGCONT');
      }
      const catching = await rate(() =>
        eventually(CATCH_UP_MS, 'the follower has caught up', caughtUp(follower, leader)),
      );
      const after = await rate(() => sleep(STEADY_MS));
      found.writes += catching.writes;
      found.expected += (catching.ms * (before.perMs + after.perMs)) / 2;
      found.catchUpMs.push(catching.ms);
    }
  } finally {
    stopped = true;
    await loops;
  }
  return {
    rateShare: found.writes / found.expected,
    catchUpMs: found.catchUpMs,
    snapshots: installed() - snapshots,
  };
}
