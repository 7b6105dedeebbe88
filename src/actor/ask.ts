import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { AskOptions, ReplyTo } from './ref.ts';

/** The longest delay that a timer of Node can have, ms. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/**
 * One question that waits for its answer, and the place the answer goes to. It hangs in two rings: that of its target, so
 * that it fails when the target dies, and that of its time-out.
 */
export class Ask implements ReplyTo<unknown> {
  readonly target: ActorCell<unknown>;
  readonly deadline: number;
  message: unknown = undefined;
  /** Undefined once settled. */
  #queue: DeadlineQueue | undefined;
  readonly #resolve: (reply: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  /** Ring of the target's open asks, oldest first; the cell holds the oldest. */
  nextOfTarget: Ask = this;
  previousOfTarget: Ask = this;
  /** Neighbours in the deadline queue. */
  later: Ask | undefined;
  sooner: Ask | undefined;

  constructor(
    target: ActorCell<unknown>,
    deadline: number,
    queue: DeadlineQueue,
    resolve: (reply: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.target = target;
    this.deadline = deadline;
    this.#queue = queue;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  tell(reply: unknown): boolean {
    if (!this.#close()) return false;
    this.#resolve(reply);
    return true;
  }

  fail(error: unknown): boolean {
    if (!this.#close()) return false;
    this.#reject(error);
    return true;
  }

  /** Takes the ask back when `signal` fires. */
  cancelOn(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = () => this.fail(cancelled(this.target.path));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  #close(): boolean {
    const queue = this.#queue;
    if (queue === undefined) return false;
    this.#queue = undefined;
    queue.remove(this);
    this.target.removeAsk(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

function cancelled(path: string): TroupeError {
  return new TroupeError('CANCELLED', 'the ask was taken back', { address: path });
}

/** Asks of one and the same time-out: in order of asking they are also in order of deadline, so one timer serves all. */
class DeadlineQueue {
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
      ask.fail(new TroupeError('SHUTTING_DOWN', 'the actor system has shut down', { address: ask.target.path }));
    }
  }

  #arm(delayMs: number): void {
    this.#timer = this.#deadlines.clock.schedule(delayMs, () => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#deadlines.clock.monotonic();
    for (let ask = this.#first; ask !== undefined && ask.deadline <= now; ask = this.#first) {
      ask.fail(new TroupeError('TIMEOUT', `no answer in ${this.timeoutMs} ms`, { address: ask.target.path }));
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

/** Adds an ask to a target's ring. @returns the oldest of the ring */
export function addToRing(oldest: Ask | undefined, ask: Ask): Ask {
  if (oldest === undefined) return ask;
  const newest = oldest.previousOfTarget;
  newest.nextOfTarget = ask;
  ask.previousOfTarget = newest;
  ask.nextOfTarget = oldest;
  oldest.previousOfTarget = ask;
  return oldest;
}

/** Takes an ask out of a ring; one that is in none stays so. @returns the oldest of the ring */
export function removeFromRing(oldest: Ask | undefined, ask: Ask): Ask | undefined {
  const next = ask.nextOfTarget;
  ask.previousOfTarget.nextOfTarget = next;
  next.previousOfTarget = ask.previousOfTarget;
  ask.nextOfTarget = ask;
  ask.previousOfTarget = ask;
  if (oldest !== ask) return oldest;
  return next === ask ? undefined : next;
}

/** The asks of a ring, oldest first. The ring must not change meanwhile. */
export function* ringOf(oldest: Ask): Generator<Ask> {
  let ask = oldest;
  do {
    yield ask;
    ask = ask.nextOfTarget;
  } while (ask !== oldest);
}

/** Opens an ask; see `Ref.ask` for what it promises. */
export function openAsk<M, R>(
  target: ActorCell<M>,
  makeMessage: (reply: ReplyTo<R>) => M,
  options: AskOptions | undefined,
): Promise<R> {
  const { deadlines, limits, clock } = target.kernel;
  const signal = options?.signal;
  return new Promise<R>((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(target.path));
    if (target.closed && !target.forwards) return reject(target.terminatedError());
    if (deadlines.full) return reject(new TroupeError('OVERLOADED', 'too many open asks', { address: target.path }));
    const timeoutMs = options?.timeoutMs ?? limits.askTimeoutMs;
    if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MAX_MS)) {
      return reject(new TroupeError('INVALID_ARGUMENT', `timeoutMs must be 0 to ${TIMEOUT_MAX_MS}, not ${timeoutMs}`));
    }
    const queue = deadlines.queue(timeoutMs);
    const ask = new Ask(
      target as ActorCell<unknown>,
      clock.monotonic() + timeoutMs,
      queue,
      resolve as (reply: unknown) => void,
      reject,
    );
    const message = makeMessage(ask);
    ask.message = message;
    queue.add(ask);
    target.addAsk(ask);
    if (signal !== undefined) ask.cancelOn(signal);
    const refusal = target.accept(message);
    if (refusal !== undefined) ask.fail(target.refusalError(refusal));
    // Late mail was handed on: who answers it is no longer this actor, so its end must not fail the ask.
    else if (target.closed) target.removeAsk(ask);
  });
}
