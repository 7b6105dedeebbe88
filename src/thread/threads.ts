import type { BehaviorFactory } from '../actor/index.ts';
import { asTroupeError, type Clock, systemClock, TroupeError } from '../core/index.ts';
import { type InitOf, inThread, type MessageOf, type ThreadBehaviorOptions } from './behavior.ts';
import type { Handlers } from './channel.ts';
import { resolveLimits, THREAD_WAIT_MS, THREAD_WAITERS_MAX, THREADS_MAX, type ThreadLimits } from './limits.ts';
import type { StartWorker } from './port.ts';
import { Thread } from './thread.ts';
import { startWorker } from './worker.ts';

/** How many threads there may be. */
export interface ThreadsOptions {
  /** Default THREADS_MAX 8. */
  readonly threadsMax?: number;
  readonly clock?: Clock;
  /** Default: threads of Node. Another one is for tests. */
  readonly start?: StartWorker;
}

/** A thread that somebody wants. */
export interface ThreadRequest {
  readonly tenant: string;
  readonly data: unknown;
  readonly limits: Partial<ThreadLimits>;
  readonly address: string;
  readonly serve: Handlers;
  /** Reads what the thread sends, where that may hold more than plain values. */
  readonly decode?: (body: Uint8Array) => unknown;
  /** Takes the wish back while it waits. */
  readonly signal: AbortSignal;
}

/**
 * The worker threads of one process: at most so many, each for one actor or agent only, so that what it does to its thread it does
 * to nobody else. When all are taken, one that rests (see `rests`) is ended for the newcomer; else the newcomer waits, in order.
 */
export class Threads implements AsyncDisposable {
  readonly clock: Clock;
  readonly #threadsMax: number;
  readonly #start: StartWorker;
  readonly #living: Set<Thread> = new Set();
  /** Those that could be ended, the one that has rested longest first. */
  readonly #resting: Set<Thread> = new Set();
  /** Places taken by threads, or promised to somebody. */
  #taken = 0;
  /** Those who wait for a place, in order: each is given one, or an error. */
  readonly #waiting: Set<(error?: TroupeError) => void> = new Set();
  #closed = false;

  constructor({ threadsMax = THREADS_MAX, clock = systemClock, start = startWorker }: ThreadsOptions = {}) {
    if (!(threadsMax >= 1))
      throw new TroupeError('INVALID_ARGUMENT', `threadsMax must be 1 or more, not ${threadsMax}`);
    this.#threadsMax = threadsMax;
    this.clock = clock;
    this.#start = start;
  }

  /** How many live. */
  get size(): number {
    return this.#living.size;
  }

  /**
   * A module whose behaviours run in threads. Only its address is needed here: nothing of it is loaded into this thread.
   *
   * @typeParam Module `typeof import('./crunch.ts')`: its exports, for the compiler
   * @param url of the module, e.g. `new URL('./crunch.ts', import.meta.url)`
   *
   * @example
   * // crunch.ts: export const crunch = (base: number): Behavior<Job> => ({ receive: (job) => job.reply.tell(solve(base, job)) });
   * const module = threads.module<typeof import('./crunch.ts')>(new URL('./crunch.ts', import.meta.url));
   * const ref = system.spawn(module.behavior('crunch', { init: 7, heapMb: 64, stuckMs: 5_000 }));
   */
  module<Module>(url: URL | string): ThreadModule<Module> {
    return { behavior: (name, ...[options]) => inThread(this, String(url), name, options ?? {}) };
  }

  /**
   * A thread for somebody.
   * @throws TroupeError OVERLOADED when none is free in THREAD_WAIT_MS or too many wait, CANCELLED, SHUTTING_DOWN, INVALID_ARGUMENT
   */
  async open({ limits, signal, ...request }: ThreadRequest): Promise<Thread> {
    const all = resolveLimits(limits);
    await this.#place(signal, request.address);
    let thread: Thread;
    try {
      thread = new Thread({ ...request, limits: all, clock: this.clock, start: this.#start });
    } catch (error) {
      this.#giveBack();
      // Data that can't be cloned, or a flag that no thread takes.
      throw asTroupeError(error, 'INVALID_ARGUMENT', { address: request.address });
    }
    this.#living.add(thread);
    void thread.ended.then(() => {
      this.#living.delete(thread);
      this.#resting.delete(thread);
      this.#giveBack();
    });
    return thread;
  }

  /** Says whether a thread has nothing to do and nothing to lose: it may be ended for somebody who needs its place. */
  rests(thread: Thread, yes: boolean): void {
    this.#resting.delete(thread);
    if (!yes || !this.#living.has(thread)) return;
    this.#resting.add(thread);
    if (this.#waiting.size > 0) this.#endOne();
  }

  /** Ends all threads. Nobody gets one any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const settle of [...this.#waiting]) settle(closed());
    await Promise.all([...this.#living].map((thread) => thread.end(closed())));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #place(signal: AbortSignal, address: string): Promise<void> {
    if (this.#closed) throw closed();
    if (this.#taken < this.#threadsMax) {
      this.#taken++;
      return;
    }
    if (this.#waiting.size >= THREAD_WAITERS_MAX) throw overloaded(this.#threadsMax, address);
    const place = Promise.withResolvers<void>();
    const settle = (error?: TroupeError): void => {
      this.#waiting.delete(settle);
      if (error === undefined) place.resolve();
      else place.reject(error);
    };
    this.#waiting.add(settle);
    this.#endOne();
    const limit = this.clock.schedule(THREAD_WAIT_MS, () => settle(overloaded(this.#threadsMax, address)));
    const onAbort = (): void => settle(new TroupeError('CANCELLED', 'no longer needs a thread', { address }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      await place.promise;
    } finally {
      limit.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #endOne(): void {
    const [longest] = this.#resting;
    if (longest === undefined) return;
    this.#resting.delete(longest);
    void longest.end();
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken--;
    else next();
  }
}

/** The exports of a module that are behaviours, to be run in threads. */
export interface ThreadModule<Module> {
  /**
   * A factory for `system.spawn` or `ctx.spawn`: each incarnation of the actor gets a thread of its own.
   * @param name of the export: a function that makes the behaviour from `init`, which is copied into the thread
   */
  behavior<Name extends keyof Module & string>(
    name: Name,
    ...options: undefined extends InitOf<Module[Name]>
      ? [options?: ThreadBehaviorOptions<Module[Name]>]
      : [options: ThreadBehaviorOptions<Module[Name]>]
  ): BehaviorFactory<MessageOf<Module[Name]>>;
}

function overloaded(threadsMax: number, address: string): TroupeError {
  return new TroupeError('OVERLOADED', `all ${threadsMax} threads are taken`, { address });
}

function closed(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'no thread is given any more');
}
