/** Entry of every worker thread that hosts an actor or an agent. */
import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { invariant, systemClock } from '../core/index.ts';
import { Channel, type Frame } from './channel.ts';
import { BEAT_MS, NICE } from './limits.ts';
import type { Tenant } from './port.ts';
import type { EntryData } from './worker.ts';

invariant(parentPort !== null, 'a tenant lives in a worker');
const port = parentPort;
const { tenant, data, beats } = workerData as EntryData;
// Elsewhere a priority is the whole process's.
if (process.platform === 'linux') setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + NICE));
systemClock.repeat(BEAT_MS, () => void Atomics.add(beats, 0, 1));
const channel = new Channel(
  (frame) => port.postMessage(frame),
  systemClock,
  (error) => {
    throw error;
  },
);
const { open } = (await import(tenant)) as { readonly open: Tenant };
channel.serve(await open(channel, data));
// What has come meanwhile waits in the port until somebody listens.
port.on('message', (frame: Frame) => channel.take(frame));
// Without it the thread would be deaf and dumb, and nobody would know.
port.on('close', () => process.exit(1));
