import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorMessage, isTroupeError, TroupeError } from '../core/index.ts';
import type { Job } from '../node/index.ts';
import { usageError } from './errors.ts';

/**
 * Loads the module of a job and checks that it exports one.
 *
 * @throws TroupeError in one line: no such file, a file that can't be loaded, an export that isn't a job
 */
export async function loadJob(path: string): Promise<Job> {
  const file = resolve(path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw usageError(
      `there is no job file ${path}; give the path of a module that exports defineJob({ … }) as default`,
    );
  }
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded;
  } catch (cause) {
    if (isTroupeError(cause)) throw cause;
    const first = errorMessage(cause).split('\n')[0] ?? '';
    throw new TroupeError('INVALID_ARGUMENT', `${path} can't be loaded: ${first}`, { cause });
  }
  const problem = problemOf(loaded.default);
  if (problem !== undefined) {
    throw usageError(
      `${path} exports no job: ${problem}; write: export default defineJob({ name, describe, agents, run })`,
    );
  }
  return loaded.default as Job;
}

/** What keeps a value from being a job. */
export function problemOf(value: unknown): string | undefined {
  if (value === undefined) return 'it has no default export';
  if (typeof value !== 'object' || value === null) return 'its default export is not an object';
  const job = value as Partial<Record<keyof Job, unknown>>;
  if (typeof job.name !== 'string' || job.name === '') return 'its name is not a text';
  if (typeof job.describe !== 'string') return 'its description (describe) is not a text';
  if (!(job.agents instanceof URL)) return 'its agents are not a URL; write new URL("./agents.ts", import.meta.url)';
  if (typeof job.run !== 'function') return 'it has no run function';
  if (job.options !== undefined && (typeof job.options !== 'object' || job.options === null))
    return 'its options are not an object';
  return undefined;
}
