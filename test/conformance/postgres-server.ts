import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TroupeError } from '../../src/core/index.ts';

/** Debian keeps each version's programs apart; any will do. */
const BIN = globSync('/usr/lib/postgresql/*/bin').filter((bin) => existsSync(join(bin, 'initdb')))[0];
/** Postgres doesn't run as root: for root this user runs it. */
const USER = process.getuid?.() === 0 ? ['postgres', 'nobody'].map(idsOf).find((ids) => ids !== undefined) : undefined;

/** Why tests on a real Postgres can't run here, undefined when they can. */
export const NO_POSTGRES: string | undefined =
  BIN === undefined
    ? 'there is no /usr/lib/postgresql/*/bin/initdb (Debian: postgresql)'
    : process.getuid?.() === 0 && (USER === undefined || spawnSync('setpriv', ['--version']).status !== 0)
      ? 'there is no other user to run it as than root'
      : undefined;
if (NO_POSTGRES !== undefined) console.log(`tests on postgres are skipped: ${NO_POSTGRES}`);

/** A Postgres of a test, on a socket in a folder that goes with it. It doesn't wait for the disk. */
export class PostgresServer implements AsyncDisposable {
  /** Of its database. */
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.url = `postgres://tester@/postgres?host=${encodeURIComponent(folder)}`;
  }

  /** Makes and starts one; resolves when it answers. */
  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-pg-'));
    if (USER !== undefined) await chown(folder, USER.uid, USER.gid);
    const server = new PostgresServer(folder);
    try {
      const options = [
        '--no-sync',
        '--no-instructions',
        '--locale=C',
        '--encoding=UTF8',
        '-U',
        'tester',
        '-A',
        'trust',
      ];
      const made = server.#run('initdb', ['-D', server.#data, ...options]);
      let said = '';
      made.stderr?.on('data', (chunk) => {
        said += chunk;
      });
      const code = await new Promise((resolve) => made.once('exit', resolve));
      if (code !== 0) throw new TroupeError('EXPECTATION_FAILED', `initdb ended with ${code}: ${said}`);
      await server.restart();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it again on its old data; resolves when it answers. */
  async restart(): Promise<void> {
    const settings = [
      'fsync=off',
      'listen_addresses=',
      `unix_socket_directories=${this.#folder}`,
      'max_connections=30',
    ];
    const child = this.#run('postgres', ['-D', this.#data, ...settings.flatMap((setting) => ['-c', setting])]);
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += chunk;
        if (said.includes('ready to accept connections')) resolve();
      });
      child.once('exit', (code) => {
        reject(new TroupeError('EXPECTATION_FAILED', `postgres ended with ${code}: ${said}`));
      });
    });
  }

  /** Ends it at once, connections and all; what was committed is there again after a restart. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // "Immediate": its children go too, as they wouldn't at a SIGKILL.
    child.kill('SIGQUIT');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const path = join(BIN as string, program);
    if (USER === undefined) return spawn(path, args, { stdio: [...stdio], cwd: this.#folder });
    const become = [`--reuid=${USER.uid}`, `--regid=${USER.gid}`, '--clear-groups'];
    return spawn('setpriv', [...become, path, ...args], { stdio: [...stdio], cwd: this.#folder });
  }
}

function idsOf(user: string): { readonly uid: number; readonly gid: number } | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout.trim());
  return uid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
