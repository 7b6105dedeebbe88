import { residentBytes } from '../cpu.ts';
import type { Kit } from './kit.ts';
import { spawnAll } from './work.ts';

const MILLION = 1_000_000;

/**
 * Heap that an idle actor takes, its behaviour included, bytes.
 * @param used whether each has handled a message before
 */
export async function bytesPerActor<A, Q>(kit: Kit<A, Q>, used: boolean): Promise<number> {
  const count = 100_000;
  const before = heapBytes();
  const { actors, touch } = await spawnAll(kit, count);
  if (used) await touch();
  const bytes = heapBytes() - before;
  // They are told of only now, so that none was idle enough to be collected.
  if (!used) await touch();
  return bytes / actors.length;
}

/** What a process has resident, MB (10^6 bytes), in which a million actors have begun and are idle. */
export async function residentMb<A, Q>(kit: Kit<A, Q>): Promise<number> {
  const { touch } = await spawnAll(kit, MILLION);
  heapBytes();
  const bytes = residentBytes(process.pid);
  await touch();
  return bytes / 1e6;
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
