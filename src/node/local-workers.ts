import type { ApiClient } from '../api/index.ts';
import { type Clock, delay, errorMessage, type Logger } from '../core/index.ts';
import type { PoolConfig } from './autoscale-config.ts';

/** How often the leader is asked how many workers it wants, ms. */
const LOOK_MS = 1_000;
/** Pause of a pool after a worker of it did not start, ms. */
const FAILED_MS = 10_000;

/** One process of a worker. */
export interface WorkerProcess {
  /** It runs, or is being started again: it hasn't left on purpose and wasn't given up. */
  readonly runs: boolean;
  start(): Promise<void>;
}

/** What keeping pools of processes takes. */
export interface LocalWorkersParts<P extends WorkerProcess> {
  readonly pools: readonly PoolConfig[];
  readonly api: Pick<ApiClient, 'scale'>;
  /** All node processes of this machine by node id, those of workers that were started before too. */
  readonly processes: Map<string, P>;
  /** Makes the process of a worker, without starting it. */
  readonly process: (id: string) => P;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The workers that a pool begins with. */
export function firstWorkers(pools: readonly PoolConfig[]): string[] {
  return pools.filter(isLocal).flatMap(({ name, min }) => Array.from({ length: min }, (_, i) => `${name}-${i}`));
}

/**
 * Starts processes for local pools until there are as many as the leader wants. Fewer come about by themselves: the leader has workers
 * drain, and one that has drained ends. One that was taken away is replaced in the same way.
 */
export class LocalWorkers<P extends WorkerProcess> {
  readonly #parts: LocalWorkersParts<P>;
  readonly #closed: AbortController = new AbortController();
  /** Until when nothing is started for a pool, monotonic ms. */
  readonly #pauses: Map<string, number> = new Map();
  readonly #running: Promise<void>;

  constructor(parts: LocalWorkersParts<P>) {
    this.#parts = parts;
    this.#running = parts.pools.some(isLocal) ? this.#run() : Promise.resolve();
  }

  /** Starts nothing more; resolves when nothing is being started. */
  close(): Promise<void> {
    this.#closed.abort();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { api, clock, logger } = this.#parts;
    const { signal } = this.#closed;
    for (;;) {
      await delay(clock, LOOK_MS, signal);
      if (signal.aborted) return;
      try {
        const wanted = new Map((await api.scale()).map((pool) => [pool.pool, pool.wanted]));
        await Promise.all(
          this.#parts.pools.filter(isLocal).map((pool) => this.#fill(pool, wanted.get(pool.name) ?? 0)),
        );
      } catch (error) {
        logger.debug('the leader does not say how many workers it wants', { error: errorMessage(error) });
      }
    }
  }

  async #fill({ name, max }: PoolConfig, wanted: number): Promise<void> {
    const { processes, process, clock, logger } = this.#parts;
    if (clock.monotonic() < (this.#pauses.get(name) ?? 0)) return;
    const ids = Array.from({ length: max }, (_, i) => `${name}-${i}`);
    const runs = ids.filter((id) => processes.get(id)?.runs === true);
    const free = ids.filter((id) => !runs.includes(id)).slice(0, Math.max(0, wanted - runs.length));
    await Promise.all(
      free.map(async (id) => {
        if (this.#closed.signal.aborted) return;
        const worker = process(id);
        processes.set(id, worker);
        logger.info('worker is started', { node: id });
        try {
          await worker.start();
        } catch (error) {
          logger.warn('worker did not start', { node: id, error: String(error) });
          processes.delete(id);
          this.#pauses.set(name, clock.monotonic() + FAILED_MS);
        }
      }),
    );
  }
}

function isLocal({ executor }: PoolConfig): boolean {
  return executor.kind === 'local';
}
