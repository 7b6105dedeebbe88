import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import type { Ask } from './ask.ts';

/** Asks of one and the same time-out: in order of asking they are also in order of deadline, so one timer serves all. */
export class DeadlineQueue {
  #first: Ask | undefined;
  #last: Ask | undefined;
  #timer: Timer | undefined;
  readonly #deadlines: Deadlines;
  readonly timeoutMs: number;

  constructor(deadlines: Deadlines, timeoutMs: number) {
    this.#deadlines = deadlines;
    this.timeoutMs = timeoutMs;
  }

  add(ask: Ask): void {
    this.#deadlines.open++;
    ask.sooner = this.#last;
    if (this.#last === undefined) this.#first = ask;
    else this.#last.later = ask;
    this.#last = ask;
    // The timer stays set when the queue runs empty: asks one after another would otherwise set and clear one each.
    if (this.#timer === undefined) this.#arm(this.timeoutMs);
  }

  remove(ask: Ask): void {
    this.#deadlines.open--;
    if (ask.sooner === undefined) this.#first = ask.later;
    else ask.sooner.later = ask.later;
    if (ask.later === undefined) this.#last = ask.sooner;
    else ask.later.sooner = ask.sooner;
    ask.later = undefined;
    ask.sooner = undefined;
  }

  close(): void {
    this.#timer?.cancel();
    for (let ask = this.#first; ask !== undefined; ask = this.#first) {
      ask.giveUp(new TroupeError('SHUTTING_DOWN', 'the actor system has shut down', { address: ask.target.path }));
    }
  }

  #arm(delayMs: number): void {
    this.#timer = this.#deadlines.clock.schedule(delayMs, () => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#deadlines.clock.monotonic();
    for (let ask = this.#first; ask !== undefined && ask.deadline <= now; ask = this.#first) {
      ask.giveUp(new TroupeError('TIMEOUT', `no answer in ${this.timeoutMs} ms`, { address: ask.target.path }));
    }
    if (this.#first === undefined) this.#deadlines.forget(this);
    else this.#arm(Math.max(1, Math.ceil(this.#first.deadline - now)));
  }
}

/** The deadlines of all open asks of a system. */
export class Deadlines {
  /** How many asks are open. */
  open = 0;
  readonly clock: Clock;
  readonly #openMax: number;
  readonly #queues = new Map<number, DeadlineQueue>();

  /** @param openMax asks that may be open at once */
  constructor(clock: Clock, openMax: number) {
    this.clock = clock;
    this.#openMax = openMax;
  }

  get full(): boolean {
    return this.open >= this.#openMax;
  }

  queue(timeoutMs: number): DeadlineQueue {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(this, timeoutMs);
      this.#queues.set(timeoutMs, queue);
    }
    return queue;
  }

  forget(queue: DeadlineQueue): void {
    this.#queues.delete(queue.timeoutMs);
  }

  /** Clears the timers. What is still open was moved elsewhere, and fails. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }
}
