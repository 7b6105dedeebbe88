import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const FLAGS = ['-C', 'troupe-source', '--disable-warning=ExperimentalWarning'];
/** The command `troupe`. */
export const CLI: string = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The command line, after the program's own name, that runs a script from the sources under this Node. */
export function nodeCommand(script: string, args: readonly string[]): string[] {
  return [process.execPath, ...FLAGS, script, ...args];
}

/** What a program that has ended left. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `troupe …` to its end. */
export function troupe(...args: string[]): Promise<Ended> {
  return run(CLI, args);
}

/** Runs a script of this folder to its end. */
export function run(script: string, args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...FLAGS, script, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (text) => {
      stdout += text;
    });
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** A script that runs. */
export interface Launched {
  /** The first that it printed. */
  readonly line: string;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a script of this folder; resolves when it has printed something. */
export function launch(script: string, args: readonly string[]): Promise<Launched> {
  const child = spawn(process.execPath, [...FLAGS, fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return gone;
  };
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (text) => resolve({ line: String(text).trim(), kill }));
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
  });
}

/** Ids of the node processes whose cluster lives in the folder. */
export function nodeProcesses(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/cluster.json`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Takes a port of loopback until it is disposed of. */
export async function takePort(): Promise<{ readonly port: number } & AsyncDisposable> {
  // Whoever connects is turned away: nodes look for each other here.
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Mounts a small disk in memory, or says why it can't. */
export function smallDisk(path: string, megabytes: number): Disposable | string {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'pipe' });
  } catch (error) {
    return `no tmpfs can be mounted here: ${error instanceof Error ? error.message.trim() : error}`;
  }
  return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', path], { stdio: 'pipe' }) };
}
