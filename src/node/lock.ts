import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TroupeError } from '../core/index.ts';

/**
 * Takes the cluster's folder for this process, so that two clusters don't share one.
 *
 * @returns gives it back
 * @throws TroupeError ALREADY_EXISTS while another living process has it
 */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(file, 'utf8'));
    if (isAlive(holder)) {
      throw new TroupeError(
        'ALREADY_EXISTS',
        `another cluster runs in ${folder} (process ${holder}); stop it, or set another dataDir`,
        { address: folder },
      );
    }
    rmSync(file, { force: true });
  }
  throw new TroupeError('ALREADY_EXISTS', `another cluster is starting in ${folder}; set another dataDir`, {
    address: folder,
  });
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
