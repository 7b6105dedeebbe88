/** Child processes and folders of a benchmark: whatever ends it, they end too. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from '../src/node/make-folder.ts';

/** Time that a killed process may take to be gone, ms. */
const KILL_MS = 5_000;
/** statfs type of tmpfs and ramfs, where fsync costs nothing and so measures nothing. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

const endings = new Set<() => void>();
const folders = new Set<string>();

/** Runs `end` if the program ends before the returned function is called. It must not wait for anything. */
export function atEnd(end: () => void): () => void {
  endings.add(end);
  return () => void endings.delete(end);
}

/** Kills and removes all that is left, at once. For the end of the program. */
export function endAll(): void {
  for (const end of endings) {
    try {
      end();
    } catch {
      // It has ended by itself; the others still have to.
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/**
 * A new folder on a real disk, removed at the end.
 *
 * @param below an existing folder, or one to be made
 * @throws Error when it lies in memory: syncs would be free there
 */
export function freshFolder(below: string): string {
  makeFolder(below);
  if (MEMORY_FILE_SYSTEMS.has(statfsSync(below).type)) {
    throw new Error(`${below} lies in memory, where a sync costs nothing; name a folder on a disk with --dir`);
  }
  // Whole, as the nodes that work in it take a relative one from where their configuration lies.
  const folder = mkdtempSync(join(resolve(below), 'bench-'));
  folders.add(folder);
  return folder;
}

/** Removes a folder of `freshFolder`. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  folders.delete(folder);
}

/** Leaves a folder of `freshFolder` where it is, for a person to look at. */
export function keepFolder(folder: string): void {
  folders.delete(folder);
}

/** A child process that does not outlive this one. */
export class Child {
  readonly process: ChildProcess;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.process = spawn(command, args, options);
    const forget = atEnd(() => this.process.kill('SIGKILL'));
    this.gone = new Promise((resolve) => {
      const done = (): void => {
        forget();
        resolve();
      };
      this.process.once('exit', done);
      this.process.once('error', done);
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Ends it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await within(KILL_MS, `process ${this.pid} to end`, this.gone);
  }
}

/** Waits for `ms`, or until the signal fires. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** @throws Error when the work has not settled within `limitMs` */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until there is an answer. @throws Error when there is none within `limitMs` */
export async function eventually<T>(
  limitMs: number,
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const until = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`not within ${limitMs} ms: ${what}`, { cause: last });
    await sleep(20);
  }
}
