import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, delay, TroupeError } from '../core/index.ts';
import { lockFile } from '../raft/index.ts';
import { inFolder } from './directory.ts';

/** How often a lock that another has is tried again, ms. */
const LOOK_MS = 50;
/** Time for a process that is on its way out to be gone, ms. */
const LEAVING_MS = 10_000;

/**
 * Takes the cluster's folder for this process, so that two clusters don't share one.
 *
 * @returns gives it back
 * @throws TroupeError ALREADY_EXISTS while another living process has it, DISK_FULL, INVALID_CONFIGURATION
 */
export function lockFolder(folder: string): () => void {
  const unlock = take(folder, 'cluster');
  if (unlock !== undefined) return unlock;
  const message = `another cluster runs in ${folder} (process ${holder(folder, 'cluster')}); stop it, or set another dataDir`;
  throw new TroupeError('ALREADY_EXISTS', message, { address: folder });
}

/**
 * Takes a node's data for this process. Whoever had it may be closing just now, as when its starter was killed and a new one
 * comes at once: it is waited for.
 *
 * @param dataDir the node's folder, which is there
 * @returns gives it back
 * @throws TroupeError ALREADY_EXISTS when another process keeps it, DISK_FULL, INVALID_CONFIGURATION
 */
export async function lockNode(node: string, dataDir: string, clock: Clock): Promise<() => void> {
  const until = clock.monotonic() + LEAVING_MS;
  for (;;) {
    const unlock = take(dataDir, 'node');
    if (unlock !== undefined) return unlock;
    if (clock.monotonic() >= until) {
      const message = `node ${node} runs already, as process ${holder(dataDir, 'node')}; stop it, or set another dataDir`;
      throw new TroupeError('ALREADY_EXISTS', message, { address: dataDir });
    }
    await delay(clock, LOOK_MS);
  }
}

/** Who has the lock is told in a file beside it, for people. */
function take(folder: string, name: string): (() => void) | undefined {
  return inFolder(folder, () => {
    const unlock = lockFile(join(folder, `${name}.lock`));
    if (unlock !== undefined) writeFileSync(join(folder, `${name}.pid`), String(process.pid));
    return unlock;
  });
}

function holder(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, `${name}.pid`), 'utf8');
  } catch {
    // It has the lock since just now.
    return 'that is starting';
  }
}

/** Whether a process of that id runs here. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
