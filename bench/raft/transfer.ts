import { sleep, within } from '../resources.ts';
import type { Cluster, ValueClient } from './cluster.ts';
import { TrackedWrites } from './tracked-writes.ts';

/** Loops that write all the time. */
const LOOPS = 16;
/** Keys of each loop, written in turn. */
const KEYS = 256;
/** Load between two transfers, ms. */
const LOAD_MS = 500;
/** How long after a transfer its pause may still show, ms. */
const AFTER_MS = 200;
const TRANSFER_MS = 10_000;

/** What planned transfers cost. */
export interface Transfers {
  /** Of each transfer: the longest time in which no write was acknowledged, from the request on, ms. */
  readonly pausesMs: readonly number[];
  /** The longest such time in as much load without a transfer, ms: what is not the transfer's doing. */
  readonly quietMs: readonly number[];
  /** Writes that failed. */
  readonly refused: number;
  readonly lost: number;
}

/** Hands the leadership over under load, several times. */
export async function transfers(cluster: Cluster, client: ValueClient, count: number): Promise<Transfers> {
  const writes = new TrackedWrites(client, 'transfer');
  let stopped = false;
  let refused = 0;
  let last = performance.now();
  let longest = 0;
  const loop = async (_: unknown, at: number): Promise<void> => {
    for (let n = 0; !stopped; n++) {
      try {
        await writes.write(`${at}/${n % KEYS}`, n);
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      } catch {
        refused++;
        await sleep(1);
      }
    }
  };
  const loops = Promise.all(Array.from({ length: LOOPS }, loop));
  const longestDuring = async (work: () => Promise<void>): Promise<number> => {
    longest = 0;
    last = performance.now();
    await work();
    await sleep(AFTER_MS);
    return Math.max(longest, performance.now() - last);
  };
  const pausesMs: number[] = [];
  const quietMs: number[] = [];
  try {
    for (let at = 0; at < count; at++) {
      await sleep(LOAD_MS);
      quietMs.push(await longestDuring(async () => undefined));
      pausesMs.push(await longestDuring(() => within(TRANSFER_MS, 'a transfer', cluster.transfer())));
    }
  } finally {
    stopped = true;
    await within(TRANSFER_MS * 2, 'the last writes end', loops);
  }
  return { pausesMs, quietMs, refused, lost: await writes.lost() };
}
