import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import { Channel, type Handlers } from './channel.ts';
import { LOAD_MS, LOOK_MS, type ThreadLimits } from './limits.ts';
import type { StartWorker, WorkerHandle, WorkerStart } from './port.ts';

/** What a thread is made of. */
export interface ThreadParts extends WorkerStart {
  readonly start: StartWorker;
  readonly clock: Clock;
  /** Whose it is, for errors. */
  readonly address: string;
  /** What it may ask of this side. */
  readonly serve: Handlers;
  /** Reads what it sends; see `Channel`. */
  readonly decode?: ((body: Uint8Array) => unknown) | undefined;
}

/**
 * One worker thread with one tenant, under a watchdog. Whatever ends it, `ended` says why in a typed error, and
 * whoever waits for it hears the same: THREAD_OUT_OF_MEMORY, THREAD_STUCK, THREAD_EXITED, PROTOCOL_VIOLATION (it didn't
 * keep to the channel's rules), HANDLER_FAILED (something was thrown that nobody caught), or what `end` was called with.
 */
export class Thread {
  readonly channel: Channel;
  /** Resolves with the reason when the worker is gone. */
  readonly ended: Promise<TroupeError>;
  readonly #worker: WorkerHandle;
  readonly #limits: ThreadLimits;
  readonly #address: string;
  readonly #watchdog: Timer;
  #why: TroupeError | undefined;
  #lastBeats = 0;
  /** Looks in a row that found no beat. */
  #silent = 0;
  #loading = true;
  #weighing = false;

  constructor({ start, clock, address, serve, decode, limits, tenant, data }: ThreadParts) {
    this.#limits = limits;
    this.#address = address;
    const gone = Promise.withResolvers<TroupeError>();
    this.ended = gone.promise;
    this.channel = new Channel(
      (frame) => this.#worker.post(frame),
      clock,
      (error) => void this.end(error),
      decode,
    );
    this.channel.serve(serve);
    this.#worker = start(
      { tenant, data, limits },
      {
        frame: (frame) => {
          this.#loading = false;
          this.channel.take(frame);
        },
        ended: (why) => {
          this.#watchdog.cancel();
          const reason = this.#close(why);
          gone.resolve(reason);
        },
      },
    );
    this.#watchdog = clock.repeat(LOOK_MS, () => this.#look());
  }

  /** Whether it has ended, or is about to. */
  get over(): boolean {
    return this.#why !== undefined;
  }

  /** Ends the thread wherever it is. The first reason counts. @returns when it is gone */
  async end(why: TroupeError = new TroupeError('CANCELLED', 'the thread is no longer needed')): Promise<void> {
    this.#close(why);
    await this.#worker.terminate();
    await this.ended;
  }

  #close(why: TroupeError): TroupeError {
    const details = { address: this.#address, data: why.data, cause: why.cause };
    this.#why ??= new TroupeError(why.code, why.message, details);
    this.channel.close(this.#why);
    return this.#why;
  }

  /**
   * Silence is counted in looks, not in time: a process that was stopped, or a main thread that was blocked, looks once
   * however long that took, and the thread gets its fair time again.
   */
  #look(): void {
    if (this.#why !== undefined) return;
    const beats = this.#worker.beats();
    this.#silent = beats === this.#lastBeats ? this.#silent + 1 : 0;
    this.#lastBeats = beats;
    const { stuckMs } = this.#limits;
    const limitMs = this.#loading ? Math.max(stuckMs, LOAD_MS) : stuckMs;
    if (this.#silent * LOOK_MS >= limitMs) {
      const message = `the thread's event loop has stood still for ${limitMs} ms`;
      void this.end(new TroupeError('THREAD_STUCK', message, { data: { stuckMs: limitMs } }));
    } else void this.#weigh();
  }

  /** A thread that computes answers this too, but not one that is inside a single long call into V8. */
  async #weigh(): Promise<void> {
    if (this.#weighing) return;
    this.#weighing = true;
    const heldMb = await this.#worker.memoryMb();
    this.#weighing = false;
    const { heapMb } = this.#limits;
    if (heldMb === undefined || heldMb <= heapMb || this.#why !== undefined) return;
    const message = `the thread held ${Math.round(heldMb)} MB, its limit is ${heapMb}`;
    void this.end(new TroupeError('THREAD_OUT_OF_MEMORY', message, { data: { heldMb: Math.round(heldMb), heapMb } }));
  }
}
