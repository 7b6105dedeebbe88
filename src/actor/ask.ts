import { isTroupeError, TroupeError, withoutMessage } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import { type AskOrigin, askCycle, waitersFor } from './ask-cycle.ts';
import { Context } from './context.ts';
import type { DeadlineQueue } from './deadlines.ts';
import type { AskOptions, ReplyTo, Route } from './ref.ts';
import type { RemoteActor } from './remote-actor.ts';

/** The longest delay that a timer of Node can have, ms. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** Whom an ask may be put to. */
export type AskTarget = ActorCell<unknown> | RemoteActor<unknown>;

/** What was given away of an ask. */
export interface Lent {
  /** The ask has ended. */
  askClosed(): void;
}

/**
 * One question that waits for its answer, and the place the answer goes to. It hangs in two rings: that of its target, so
 * that it fails when the target dies, and that of its time-out.
 */
export class Ask implements ReplyTo<unknown> {
  target: AskTarget;
  readonly deadline: number;
  message: unknown = undefined;
  /** Undefined once settled. */
  #queue: DeadlineQueue | undefined;
  readonly #resolve: (reply: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #takenBackBy: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  /** Ring of the target's open asks, oldest first; the cell holds the oldest. */
  nextOfTarget: Ask = this;
  previousOfTarget: Ask = this;
  /** Neighbours in the deadline queue. */
  later: Ask | undefined = undefined;
  sooner: Ask | undefined = undefined;
  /** The incarnation that asks, where the asker said so, and the number of the handling in which it does. */
  asker: Context<unknown> | undefined = undefined;
  run = 0;
  /** See `enclosing`; and the other way round. */
  #enclosing: Ask | undefined;
  #nested: Set<Ask> | undefined;
  #abort: AbortController | undefined;
  /** Why it ended without an answer. */
  #lost: unknown;
  /** Where it has come from, when that isn't here. */
  origin: AskOrigin | undefined = undefined;
  /** Told when it ends: whoever has let another node answer it. */
  lent: Lent | undefined = undefined;

  constructor(
    target: AskTarget,
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

  /** Whether it still waits for its answer. */
  get open(): boolean {
    return this.#queue !== undefined;
  }

  /** The ask that its asker was answering when it asked, while both are open. */
  get enclosing(): Ask | undefined {
    return this.#enclosing;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#lost !== undefined) this.#abort.abort(this.#lost);
    return this.#abort.signal;
  }

  tell(reply: unknown): boolean {
    if (!this.#close()) return false;
    this.#resolve(reply);
    return true;
  }

  fail(error: unknown): boolean {
    if (!this.#close()) return false;
    this.#reject(isTroupeError(error) ? withoutMessage(error) : error);
    return true;
  }

  /** Ends it without an answer. Whoever works on the answer hears of it, and what was asked for it is taken back. */
  giveUp(error: unknown): void {
    const nested = this.#nested;
    if (!this.#close()) return;
    this.#lost = error;
    this.#reject(error);
    this.#abort?.abort(error);
    for (const ask of nested ?? []) ask.giveUp(noLongerNeeded(ask.target.path, error));
  }

  /** Ends it because it has closed a cycle. @param cycle paths, from the asker to the asker again */
  closesCycle(cycle: readonly string[]): void {
    const paths = cycle.join(' > ');
    const details = { address: this.target.path, data: { cycle: paths } };
    this.giveUp(new TroupeError('ASK_CYCLE', `actors wait for each other: ${paths}`, details));
  }

  /** Takes the ask back when `signal` fires. */
  takeBackOn(signal: AbortSignal): void {
    this.#takenBackBy = signal;
    this.#onAbort = () => this.giveUp(cancelled(this.target.path));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Says who asks, and which ask it answers meanwhile: that one's end is this one's end too. */
  askedBy(asker: Context<unknown>, enclosing: Ask | undefined): void {
    this.asker = asker;
    this.run = asker.run;
    asker.asking ??= new Set();
    asker.asking.add(this);
    if (enclosing === undefined) return;
    this.#enclosing = enclosing;
    enclosing.#nested ??= new Set();
    enclosing.#nested.add(this);
  }

  /** Another actor is to answer it. @returns false when that one refused: the ask has failed */
  passOn(target: AskTarget, message: unknown): boolean {
    this.target.removeAsk(this);
    this.target = target;
    this.message = message;
    target.addAsk(this);
    return this.send();
  }

  /** Puts its message into the target's mailbox. @returns false when that was refused: the ask has failed */
  send(): boolean {
    const { target } = this;
    const refusal = target.accept(this.message);
    if (refusal !== undefined) this.giveUp(target.refusalError(refusal, this.message));
    // Late mail was handed on: who answers it is no longer this actor, so its end must not fail the ask.
    else if (target.closed) target.removeAsk(this);
    return refusal === undefined;
  }

  #close(): boolean {
    const queue = this.#queue;
    if (queue === undefined) return false;
    this.#queue = undefined;
    queue.remove(this);
    this.target.removeAsk(this);
    if (this.#onAbort !== undefined) this.#takenBackBy?.removeEventListener('abort', this.#onAbort);
    if (this.asker !== undefined) this.#closeLinks(this.asker);
    this.lent?.askClosed();
    if (this.#nested !== undefined) for (const ask of this.#nested) ask.#enclosing = undefined;
    this.#nested = undefined;
    return true;
  }

  #closeLinks(asker: Context<unknown>): void {
    asker.asking?.delete(this);
    if (this.#enclosing !== undefined) this.#enclosing.#nested?.delete(this);
    this.#enclosing = undefined;
  }
}

/** What the asker hears that has taken its ask back. */
export function cancelled(path: string): TroupeError {
  return new TroupeError('CANCELLED', 'the ask was taken back', { address: path });
}

function noLongerNeeded(path: string, cause: unknown): TroupeError {
  const code = isTroupeError(cause, 'TIMEOUT') ? 'TIMEOUT' : 'CANCELLED';
  return new TroupeError(code, 'the ask that this one was made for has ended', { address: path, cause });
}

/**
 * Opens an ask; see `Ref.ask` for what it promises.
 *
 * @param target who is asked; with a `route` merely an actor of the same system, and the route says who
 */
export function openAsk<M, R>(
  target: ActorCell<M> | RemoteActor<M>,
  makeMessage: (reply: ReplyTo<R>) => M,
  options: AskOptions | undefined,
  route?: Route<M>,
): Promise<R> {
  return new Promise<R>((resolve, reject) => startAsk(target, makeMessage, options, route, resolve, reject));
}

/** The same, for an asker who isn't waiting for a promise. @throws what keeps the ask from being made */
export function startAsk<M, R>(
  target: ActorCell<M> | RemoteActor<M>,
  makeMessage: (reply: ReplyTo<R>) => M,
  options: AskOptions | undefined,
  route: Route<M> | undefined,
  resolve: (reply: R) => void,
  reject: (error: unknown) => void,
): void {
  const { deadlines, limits, clock } = target.kernel;
  const signal = options?.signal;
  if (signal?.aborted) throw cancelled(target.path);
  if (route === undefined && target.closed && !target.forwards) throw target.terminatedError();
  if (deadlines.full) throw new TroupeError('OVERLOADED', 'too many open asks', { address: target.path });
  const timeoutMs = options?.timeoutMs ?? limits.askTimeoutMs;
  if (!(timeoutMs >= 0 && timeoutMs <= TIMEOUT_MAX_MS)) {
    throw new TroupeError('INVALID_ARGUMENT', `timeoutMs must be 0 to ${TIMEOUT_MAX_MS}, not ${timeoutMs}`);
  }
  const asker = options?.within === undefined ? undefined : askerOf(options.within);
  const enclosing = asker?.enclosingAsk();
  const latest = clock.monotonic() + timeoutMs;
  const queue = deadlines.queue(timeoutMs);
  const ask = new Ask(
    target as AskTarget,
    enclosing === undefined ? latest : Math.min(latest, enclosing.deadline),
    queue,
    resolve as (reply: unknown) => void,
    reject,
  );
  const message = makeMessage(ask);
  ask.message = message;
  if (route !== undefined) ask.target = route.routeOf(message) as AskTarget;
  queue.add(ask);
  ask.target.addAsk(ask);
  if (signal !== undefined) ask.takeBackOn(signal);
  if (asker !== undefined) ask.askedBy(asker, enclosing);
  if (ask.send() && asker !== undefined) watchForCycle(ask, asker);
}

/** @throws TroupeError INVALID_ARGUMENT when it is no actor's context, ACTOR_TERMINATED when its incarnation is over */
function askerOf(within: NonNullable<AskOptions['within']>): Context<unknown> {
  if (!(within instanceof Context))
    throw new TroupeError('INVALID_ARGUMENT', '`within` must be the context of an actor');
  if (within.closed) throw within.cell.terminatedError();
  return within;
}

/**
 * Looks for a cycle that this ask closes. Only a target that waits itself can be part of one. The look is left to a signal:
 * by then the asker's handler has returned, and shows whether it waits.
 */
function watchForCycle(ask: Ask, asker: Context<unknown>): void {
  if (ask.target !== asker.cell && !ask.target.busy) return;
  asker.cell.kernel.dispatcher.signal(() => {
    if (!ask.open) return;
    const cycle = askCycle(ask);
    if (cycle !== undefined) ask.closesCycle(cycle.map((cell) => cell.path));
    else waitersFor(ask)?.origin?.chase(ask);
  });
}
