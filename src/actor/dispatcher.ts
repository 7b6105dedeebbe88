import { type Clock, Deque } from '../core/index.ts';

/** Something with messages to handle. */
export interface Runnable {
  /** Handles at most `max` messages. @returns how many it handled */
  step(max: number): number;
}

/** Those who have something to do, and who of them is next. Default: first come, first served. */
export interface ReadyQueue {
  push(runnable: Runnable): void;
  shift(): Runnable | undefined;
}

const STRIDE_MIN = 4;
const STRIDE_MAX = 32;
const settled: Promise<void> = Promise.resolve();

/**
 * Lets actors run in turn, each for a few messages. Work that comes while it sleeps is begun in a microtask, so a message
 * costs no turn of the event loop; after `sliceMs` or `sliceMessages` within one turn it waits for the next, so that no flood of messages (or of promises) holds up timers and I/O.
 */
export class Dispatcher {
  /** Whether a run is under way or on its way. A sender wakes it when it isn't. */
  awake = false;
  /** Coarse time: whole ms since the dispatcher was made, at most a slice old. */
  stamp = 0;
  readonly #ready: ReadyQueue;
  readonly #signals = new Deque<() => void>();
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #sliceMessages: number;
  readonly #onFatal: (error: unknown) => void;
  readonly #origin: number;
  /** When the current turn of the event loop was first used, ms; undefined until it is. */
  #turnStart: number | undefined;
  /** Messages handled in the current turn. */
  #spent = 0;
  /** Whether work waits for the next turn. */
  #paused = false;
  /** Messages between two looks at the clock: few when handlers are slow. */
  #stride = STRIDE_MIN;
  readonly #run = (): void => this.#slice();
  readonly #turnOver = (): void => {
    this.#turnStart = undefined;
    if (!this.#paused) return;
    this.#paused = false;
    this.#slice();
  };

  /** @param onFatal hears what should never be thrown here: a defect of the kernel */
  constructor(
    clock: Clock,
    sliceMs: number,
    sliceMessages: number,
    onFatal: (error: unknown) => void,
    ready: ReadyQueue = new Deque<Runnable>(),
  ) {
    this.#ready = ready;
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#sliceMessages = sliceMessages;
    this.#onFatal = onFatal;
    this.#origin = clock.monotonic();
  }

  /** Whether a signal waits: whoever handles messages stops for it. */
  get interrupted(): boolean {
    return this.#signals.length > 0;
  }

  /** Queues an actor that has something to do. The caller sees to it that it is queued only once. */
  ready(runnable: Runnable): void {
    this.#ready.push(runnable);
    if (!this.awake) this.wake();
  }

  /** Queues work of the kernel itself; it runs before any further message, in order. It must not throw. */
  signal(work: () => void): void {
    this.#signals.push(work);
    if (!this.awake) this.wake();
  }

  /** Whole ms since the dispatcher was made, now. */
  elapsedMs(): number {
    return Math.trunc(this.#clock.monotonic() - this.#origin);
  }

  /** Starts a run soon and sets the time. */
  wake(): void {
    this.awake = true;
    this.#look();
    settled.then(this.#run);
  }

  #look(): number {
    const now = this.#clock.monotonic();
    this.stamp = (now - this.#origin) | 0;
    return now;
  }

  /** @returns when this turn of the event loop was first used; notices its end through the clock */
  #beginTurn(now: number): number {
    this.#turnStart = now;
    this.#spent = 0;
    this.#clock.yieldThen(this.#turnOver);
    return now;
  }

  #slice(): void {
    let looked = this.#look();
    const turnStart = this.#turnStart ?? this.#beginTurn(looked);
    let sinceLook = 0;
    for (;;) {
      if (looked - turnStart >= this.#sliceMs || this.#spent >= this.#sliceMessages) {
        this.#paused = true;
        return;
      }
      while (sinceLook < this.#stride) {
        try {
          const signal = this.#signals.shift();
          if (signal !== undefined) {
            sinceLook++;
            signal();
            continue;
          }
          const runnable = this.#ready.shift();
          if (runnable === undefined) {
            this.#spent += sinceLook + 1;
            this.awake = false;
            return;
          }
          sinceLook += runnable.step(this.#stride) + 1;
        } catch (error) {
          this.#onFatal(error);
        }
      }
      this.#spent += sinceLook;
      sinceLook = 0;
      const now = this.#look();
      this.#stride = now - looked > 0.5 ? STRIDE_MIN : Math.min(STRIDE_MAX, this.#stride * 2);
      looked = now;
    }
  }
}
