import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../core/index.ts';

/** Where clusters of this directory live. */
export const FOLDER = '.troupe';
/** Runs whose logs are kept; older ones are removed when another begins. */
const RUNS_KEPT = 5;

/**
 * A folder of its own for a run, so that two runs at once don't meet and none finds what another left unfinished.
 *
 * @param base the configuration's folder
 * @param job the job's name
 */
export function newRunFolder(base: string, job: string, random: Random): string {
  const runs = join(base, 'runs');
  const ended = runFolders(base).filter((folder) => !isRunning(folder));
  for (const folder of ended.slice(RUNS_KEPT - 1)) rmSync(folder, { recursive: true, force: true });
  return join(runs, `${job}-${random.id(6)}`);
}

/** Removes what a run that went well needs no more: its data. Its logs stay. */
export function tidyRun(folder: string): void {
  rmSync(join(folder, 'data'), { recursive: true, force: true });
}

/** Folders in which a cluster may live or have lived: the base itself, then runs, newest first. */
export function clusterFolders(base: string): string[] {
  return [base, ...runFolders(base)].filter((folder) => existsSync(join(folder, 'run')));
}

/** Whether the process that started the cluster in a folder is alive. */
export function isRunning(folder: string): boolean {
  try {
    process.kill(Number(readFileSync(join(folder, 'lock'), 'utf8')), 0);
    return true;
  } catch {
    // No lock, or nobody behind it.
    return false;
  }
}

function runFolders(base: string): string[] {
  const runs = join(base, 'runs');
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .map((name) => join(runs, name))
    .filter((folder) => statSync(folder).isDirectory())
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}
