import { eventually, sleep, within } from '../resources.ts';
import type { Cluster, ValueClient } from './cluster.ts';
import { TrackedWrites } from './tracked-writes.ts';

/** Loops that write all the time. */
const LOOPS = 16;
/** Keys of each loop, written in turn: a killed leader takes far fewer writes along than that. */
const KEYS = 256;
/** A probe is written this often, ms, whatever became of the ones before: it bounds how exact a time is. */
const PROBE_MS = 5;
/** Longest time without an acknowledged write, ms. */
const OUTAGE_MS = 20_000;
/** Load before a kill, so that the killed leader has work under way, ms. */
const LOAD_MS = 500;

/** What killing leaders found. */
export interface Failovers {
  /** Of each kill: time from SIGKILL to the first acknowledgement of a write that was issued after it, ms. */
  readonly timesMs: readonly number[];
  readonly lost: number;
}

/** Kills the leader under load again and again; each comes back before the next is killed. */
export async function killLeaders(
  cluster: Cluster,
  client: ValueClient,
  kills: number,
  onKill: (timeMs: number) => void = () => undefined,
): Promise<Failovers> {
  const writes = new TrackedWrites(client, 'failover');
  let stopped = false;
  const loop = async (_: unknown, at: number): Promise<void> => {
    // A write that failed counts for nothing; the same loop goes on with the next.
    for (let n = 0; !stopped; n++) await writes.write(`${at}/${n % KEYS}`, n).catch(() => sleep(PROBE_MS));
  };
  const loops = Promise.all(Array.from({ length: LOOPS }, loop));
  const timesMs: number[] = [];
  let lost = 0;
  let probes = 0;
  try {
    for (let kill = 0; kill < kills; kill++) {
      await sleep(LOAD_MS);
      const leader = await cluster.leader();
      const killed = performance.now();
      cluster.signal(leader, 'SIGKILL');
      let answered: number | undefined;
      const first = probes;
      const probe = setInterval(() => {
        // Each probe has a key of its own, as none waits for the one before.
        writes.write(`probe/${probes - first}`, probes++).then(
          () => {
            answered ??= performance.now();
          },
          () => undefined,
        );
      }, PROBE_MS);
      try {
        await eventually(OUTAGE_MS, 'a write is acknowledged after the leader was killed', () => answered);
      } finally {
        clearInterval(probe);
      }
      const timeMs = (answered ?? Number.NaN) - killed;
      timesMs.push(timeMs);
      onKill(timeMs);
      lost += await writes.lost();
      await cluster.restore(leader);
    }
  } finally {
    stopped = true;
    await within(OUTAGE_MS * 2, 'the last writes end', loops);
  }
  return { timesMs, lost };
}
