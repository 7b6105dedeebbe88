import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  backoffMs,
  type Clock,
  delay,
  fromWireError,
  type Logger,
  type NodeId,
  type Random,
  settlesWithin,
  TroupeError,
} from '../core/index.ts';
import { inFolder } from './directory.ts';
import type { NodeOrder, NodeReport } from './main.ts';
import { runtimeUrl, sourceFlags } from './runtime-url.ts';

/** Pause before a node that died is started again. */
const RESTART_BACKOFF = { minMs: 100, maxMs: 5_000, jitter: 0.2 } as const;
/** A life this long ends a row of failures, ms. */
const STABLE_MS = 10_000;
/** Restarts in a row before the node is given up. */
const RESTARTS_MAX = 20;

/** What supervising one node process takes. */
export interface ChildParts {
  readonly id: NodeId;
  /** File with the configuration as JSON. */
  readonly configFile: string;
  readonly logFile: string;
  /** Added to this process's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * One node process on this machine: started, and started again with backoff when it dies, until it leaves on purpose (exit
 * code 0) or is stopped. Each start is a new life of the node.
 */
export class NodeChild {
  readonly #parts: ChildParts;
  #process: ChildProcess | undefined;
  #stopping = false;
  #gone: Promise<void> = Promise.resolve();
  #restarts = 0;
  /** It left on purpose, or was given up: it isn't started again. */
  #over = false;
  /** Killed on purpose, by the program that runs the cluster: that is no crash, and isn't counted as one. */
  #killed = false;

  constructor(parts: ChildParts) {
    this.#parts = parts;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether it runs, or is being started or started again. */
  get runs(): boolean {
    return !this.#over && !this.#stopping;
  }

  /**
   * Starts the process; resolves when the node serves.
   * @throws TroupeError what the node said before it gave up
   */
  async start(): Promise<void> {
    const { id, configFile, logFile, env, clock, logger } = this.#parts;
    const log = inFolder(dirname(logFile), () => openSync(logFile, 'a'));
    const child = fork(fileURLToPath(runtimeUrl('./main')), [configFile, id], {
      execArgv: sourceFlags(),
      stdio: ['ignore', log, log, 'ipc'],
      // Compiled code is kept between starts, which halves the time that a node takes to load.
      env: { NODE_COMPILE_CACHE: join(tmpdir(), 'troupe-compile-cache'), ...process.env, ...env },
    });
    closeSync(log);
    this.#process = child;
    const startedAt = clock.monotonic();
    const ready = Promise.withResolvers<void>();
    let serves = false;
    let failure: TroupeError | undefined;
    child.on('message', (report: NodeReport) => {
      if (report.type === 'failed')
        failure = fromWireError({ ...report.error, message: `node ${id}: ${report.error.message}` });
      else {
        serves = true;
        ready.resolve();
      }
    });
    const gone = Promise.withResolvers<void>();
    this.#gone = gone.promise;
    child.on('exit', (code, signal) => {
      gone.resolve();
      if (!serves) {
        ready.reject(
          failure ??
            new TroupeError(
              'NODE_UNAVAILABLE',
              `node ${id} ended (${signal ?? `code ${code}`}) before it served; see ${logFile}`,
              { address: id },
            ),
        );
      }
      this.#over ||= code === 0;
      if (this.#stopping || code === 0 || !serves) return;
      logger.warn('node process died', { node: id, code, signal, error: failure?.toString() });
      void this.#again(clock.monotonic() - startedAt);
    });
    await ready.promise;
  }

  /** SIGKILL, SIGSTOP or SIGCONT. @throws TroupeError NODE_UNAVAILABLE when the process is gone */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#process === undefined || this.#process.exitCode !== null || !this.#process.kill(signal)) {
      throw new TroupeError('NODE_UNAVAILABLE', `node ${this.#parts.id} has no process`, { address: this.#parts.id });
    }
    if (signal === 'SIGKILL') this.#killed = true;
  }

  /** Lets the node close itself, then kills what is left. It isn't started again. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (child.connected) child.send({ type: 'stop' } satisfies NodeOrder, () => undefined);
    if (await settlesWithin(this.#parts.clock, timeoutMs, this.#gone)) return;
    child.kill('SIGKILL');
    await this.#gone;
  }

  /** Ends the process at once. */
  kill(): void {
    this.#stopping = true;
    this.#process?.kill('SIGKILL');
  }

  async #again(livedMs: number): Promise<void> {
    const { id, clock, random, logger } = this.#parts;
    if (this.#killed || livedMs >= STABLE_MS) this.#restarts = 0;
    this.#killed = false;
    while (!this.#stopping && this.#restarts < RESTARTS_MAX) {
      await delay(clock, backoffMs(RESTART_BACKOFF, this.#restarts++, random));
      if (this.#stopping) return;
      try {
        return await this.start();
      } catch (error) {
        logger.warn('node did not start again', { node: id, error: String(error) });
      }
    }
    this.#over = true;
    if (!this.#stopping) logger.error('node given up after too many restarts', { node: id, restarts: this.#restarts });
  }
}
