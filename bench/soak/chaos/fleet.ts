import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterFolder } from '../../../src/node/index.ts';
import { CLI } from '../../../test/cluster/processes.ts';
import { atEnd, eventually, sleep } from '../../resources.ts';
import type { Machines } from './machines.ts';

/** Pause before a node that ended is started again, ms. */
const RESTART_MS = 500;
/** For all nodes to serve, on a busy machine, ms. */
const START_MS = 90_000;

const CLOCK = new URL('./skewed-clock.ts', import.meta.url).href;

/** One node process after another: whatever ends one, the next is started, as a machine's supervisor does. */
class Seat {
  process: ChildProcess | undefined;
  /** It isn't started before this time; Infinity when never again, ms as `performance.now`. */
  notBefore = 0;
}

/** The nodes of a soak, as processes of their own. */
export class Fleet implements AsyncDisposable {
  readonly #machines: Machines;
  readonly #folder: ClusterFolder;
  readonly #config: string;
  readonly #seats: Map<string, Seat> = new Map();
  readonly #forget: () => void;
  /** Starts of nodes, by what the process before ended with. */
  readonly ends: Map<string, number> = new Map();

  constructor(machines: Machines, folder: ClusterFolder, config: string) {
    this.#machines = machines;
    this.#folder = folder;
    this.#config = config;
    this.#forget = atEnd(() => this.#killAll());
  }

  /** Starts nodes; resolves when all serve. */
  async start(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#seats.set(id, new Seat());
      void this.#keep(id);
    }
    await this.served();
  }

  /** Resolves when every node serves. */
  async served(): Promise<void> {
    const serves = (id: string): boolean => this.#folder.card(id)?.pid === this.#seats.get(id)?.process?.pid;
    await eventually(START_MS, 'all nodes serve', () => [...this.#seats.keys()].every(serves) || undefined);
  }

  /** @returns whether there was a process */
  signal(id: string, signal: NodeJS.Signals): boolean {
    return this.#seats.get(id)?.process?.kill(signal) ?? false;
  }

  /** Its next process isn't started before `ms` have passed. */
  away(id: string, ms: number): void {
    const seat = this.#seats.get(id);
    if (seat !== undefined) seat.notBefore = performance.now() + ms;
  }

  /** Sets a node's clock, for this process of it and the next, ms off. */
  skew(id: string, ms: number): void {
    writeFileSync(this.#clockFile(id), `${ms}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    this.#killAll();
    const gone = [...this.#seats.values()].map(({ process: child }) => child === undefined || exited(child));
    await Promise.all(gone);
  }

  async #keep(id: string): Promise<void> {
    const seat = this.#seats.get(id) as Seat;
    while (seat.notBefore < Number.POSITIVE_INFINITY) {
      const child = this.#spawn(id);
      seat.process = child;
      const how = await exited(child);
      this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
      await sleep(RESTART_MS);
      while (performance.now() < seat.notBefore && seat.notBefore < Number.POSITIVE_INFINITY) await sleep(50);
    }
  }

  #spawn(id: string): ChildProcess {
    this.#folder.forgetNotice(id);
    const log = openSync(this.#folder.logFile(id), 'a');
    const env = { ...process.env, NODE_OPTIONS: `--import=${CLOCK}`, CHAOS_CLOCK: this.#clockFile(id) };
    const child = this.#machines.spawn(id, CLI, ['node', '--config', this.#config, '--id', id], {
      stdio: ['ignore', log, log],
      env,
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    });
    closeSync(log);
    return child;
  }

  #clockFile(id: string): string {
    return join(this.#folder.path, 'run', `${id}.clock`);
  }

  #killAll(): void {
    for (const seat of this.#seats.values()) {
      seat.notBefore = Number.POSITIVE_INFINITY;
      seat.process?.kill('SIGKILL');
    }
  }
}

/** How a process ended. */
function exited(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    const said = (): string => child.signalCode ?? `code ${child.exitCode}`;
    if (child.exitCode !== null || child.signalCode !== null) resolve(said());
    child.once('exit', () => resolve(said()));
    child.once('error', (error) => resolve(error.message));
  });
}
