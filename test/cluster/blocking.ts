/**
 * Loaded before everything else in each thread of a node (`NODE_OPTIONS=--import`): on SIGUSR2 the control thread stands still
 * for `BLOCK_MS`, as a long garbage collection or a slow disk would have it, and says in the file `BLOCK_FILE` for how long.
 */
import { appendFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';
import type { ControlThreadData } from '../../src/node/control/thread.ts';

const { BLOCK_MS, BLOCK_FILE = '' } = process.env;
const channel = new BroadcastChannel('block the control thread');
// Neither keeps its thread alive; a channel that is unreferenced still hears.
channel.unref();
if (isMainThread) process.on('SIGUSR2', () => channel.postMessage(undefined));
else if ((workerData as Partial<ControlThreadData> | null)?.settings !== undefined) {
  channel.onmessage = () => {
    const from = performance.now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(BLOCK_MS));
    appendFileSync(BLOCK_FILE, `${performance.now() - from}\n`);
  };
}
