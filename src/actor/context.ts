import { type Logger, type Timer, TroupeError } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { Ask, AskTarget } from './ask.ts';
import type { Behavior, BehaviorFactory, Terminated } from './behavior.ts';
import type { Children } from './children.ts';
import type { Watcher } from './death-watch.ts';
import { sizeOf } from './intake.ts';
import { requireAtLeast, type SpawnOptions } from './options.ts';
import type { Crash } from './pending.ts';
import { ReceiveTimeout } from './receive-timeout.ts';
import type { Ref, Route } from './ref.ts';
import { Stash } from './stash.ts';
import { Note, Timers } from './timers.ts';

/** The outcome of a promise that was piped. */
export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/**
 * What an incarnation may do. It is dead when the incarnation is: code of an earlier life that still runs gets
 * ACTOR_TERMINATED from everything here that would change something.
 */
export interface ActorContext<M> {
  readonly self: Ref<M>;
  /** Fires when this incarnation is to stop or restart: hand it to what you wait for. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** W3C traceparent of the span of the message being handled; undefined when that isn't sampled. */
  readonly traceparent: string | undefined;
  /** The living children, in order of start. */
  readonly children: readonly Ref<never>[];
  /**
   * Starts a child that lives at most as long as this incarnation.
   * @throws TroupeError ALREADY_EXISTS (name), OVERLOADED (too many children), ACTOR_TERMINATED, INVALID_ARGUMENT
   */
  spawn<C>(factory: BehaviorFactory<C>, options?: SpawnOptions<C>): Ref<C>;
  /** Ends this actor after the current message. A `permanent` one is restarted by its supervisor, others stay stopped. */
  stopSelf(reason?: 'normal' | 'shutdown'): void;
  /** Stops a child for good. @returns when it is gone @throws TroupeError INVALID_ARGUMENT when it isn't a child */
  stop(child: Ref<never>): Promise<void>;
  /** Handles messages with another behaviour from the next one on. Its start hook isn't run; its stop hook is, in the end. */
  become(behavior: Behavior<M>): void;
  /**
   * Sends itself a message once `ref` has ended: exactly once, at once when it is already dead, behind the mail that is
   * already waiting (so behind what the dead actor itself had sent). Watching twice is watching once, the later message counts.
   */
  watch(ref: Ref<never>, toMessage: (terminated: Terminated) => M): void;
  unwatch(ref: Ref<never>): void;
  /** Sets a message aside. @throws TroupeError OVERLOADED when the stash is full (`mailbox.stash` of its options) */
  stash(message: M): void;
  /** Puts all stashed messages before the waiting ones, in the order they were stashed. */
  unstashAll(): void;
  /** Sends itself `message` after `delayMs`. A timer of the same key is replaced. @throws TroupeError OVERLOADED, INVALID_ARGUMENT */
  schedule(delayMs: number, message: M, key?: string): Timer;
  /** Sends itself `message` every `periodMs`, 1 or more, skipping a tick while one still waits. @throws TroupeError OVERLOADED, INVALID_ARGUMENT */
  repeat(periodMs: number, message: M, key?: string): Timer;
  cancelTimer(key: string): void;
  /**
   * Sends itself `message` whenever nothing was handled for `timeoutMs` and nothing waits. It counts from now, and anew from
   * the end of each message, of `message` too. Replaces an earlier one.
   * @param timeoutMs 1 or more @throws TroupeError INVALID_ARGUMENT
   */
  setReceiveTimeout(timeoutMs: number, message: M): void;
  cancelReceiveTimeout(): void;
  /**
   * Hands a message on to another actor. If the message being handled came with an ask, that one is now waited for: the ask
   * fails when it dies or refuses, and no longer when this actor does.
   * @returns false when the message was refused: it is then a dead letter
   */
  forward<N>(to: Ref<N>, message: N): boolean;
  /** Sends itself what becomes of a promise. @throws TroupeError OVERLOADED past the limit `pipesPerActor` */
  pipeToSelf<T>(promise: PromiseLike<T>, toMessage: (settled: Settled<T>) => M): void;
}

/** One incarnation of an actor. What few actors need is made when first used. */
export class Context<M> implements ActorContext<M> {
  readonly cell: ActorCell<M>;
  behavior: Behavior<M> | undefined;
  /** Whether the start hook has finished. */
  started = false;
  closed = false;
  family: Children | undefined;
  traceparent: string | undefined;
  #stash: Stash<M> | undefined;
  #timers: Timers<M> | undefined;
  #receiveTimeout: ReceiveTimeout<M> | undefined;
  /** The message being handled, and how many there were before it; kept only when the cell is `tracked`. */
  handling: M | undefined;
  run = 0;
  /** Open asks that this incarnation has said are its own. */
  asking: Set<Ask> | undefined;
  #watching: Map<AskTarget, Watcher> | undefined;
  #pipes = 0;
  #abort: AbortController | undefined;
  #resolved: (() => void) | undefined;
  #rejected: ((error: unknown) => void) | undefined;

  constructor(cell: ActorCell<M>) {
    this.cell = cell;
  }

  get self(): Ref<M> {
    return this.cell;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.closed) this.#abort.abort(this.cell.terminatedError());
    }
    return this.#abort.signal;
  }

  get logger(): Logger {
    return this.cell.kernel.logger.child({ actor: this.cell.path });
  }

  get children(): readonly Ref<never>[] {
    return this.family === undefined ? [] : [...this.family];
  }

  spawn<C>(factory: BehaviorFactory<C>, options?: SpawnOptions<C>): Ref<C> {
    this.#live();
    return this.cell.spawn(factory, options?.name, this.cell.kernel.specOf(options));
  }

  stopSelf(reason: 'normal' | 'shutdown' = 'normal'): void {
    this.#live();
    this.cell.kernel.dispatcher.signal(() => this.cell.exit(this, reason));
  }

  stop(child: Ref<never>): Promise<void> {
    this.#live();
    const cell = this.cell.targetOf(child);
    if (!('parent' in cell) || cell.parent !== this.cell)
      throw new TroupeError('INVALID_ARGUMENT', `${child.path} is no child of ${this.cell.path}`);
    return cell.stopForGood();
  }

  become(behavior: Behavior<M>): void {
    this.#live();
    this.behavior = behavior;
  }

  watch(ref: Ref<never>, toMessage: (terminated: Terminated) => M): void {
    this.#live();
    this.unwatch(ref);
    const target = this.cell.targetOf(ref);
    const watcher: Watcher = (terminated) => {
      if (this.#watching?.get(target) !== watcher) return;
      this.#watching.delete(target);
      this.#post(() => toMessage(terminated));
    };
    this.#watching ??= new Map();
    this.#watching.set(target, watcher);
    target.watch(watcher);
  }

  unwatch(ref: Ref<never>): void {
    const target = this.cell.targetOf(ref);
    const watcher = this.#watching?.get(target);
    if (watcher === undefined) return;
    this.#watching?.delete(target);
    target.unwatch(watcher);
  }

  stash(message: M): void {
    this.#live();
    this.#stash ??= new Stash(this.cell.spec.stash);
    if (!this.#stash.put(message, sizeOf(this.cell, message))) {
      throw new TroupeError('OVERLOADED', 'the stash is full', { address: this.cell.path });
    }
  }

  unstashAll(): void {
    this.#live();
    this.#returnStash();
  }

  schedule(delayMs: number, message: M, key?: string): Timer {
    return this.#timerSet().once(key ?? Symbol('timer'), delayMs, message);
  }

  repeat(periodMs: number, message: M, key?: string): Timer {
    return this.#timerSet().every(key ?? Symbol('timer'), periodMs, message);
  }

  cancelTimer(key: string): void {
    this.#timers?.cancel(key);
  }

  setReceiveTimeout(timeoutMs: number, message: M): void {
    this.#live();
    requireAtLeast('timeoutMs', timeoutMs, 1);
    this.cancelReceiveTimeout();
    const { cell } = this;
    cell.tracked = true;
    this.#receiveTimeout = new ReceiveTimeout<M>(
      cell.kernel.clock,
      timeoutMs,
      () => cell.load === 0,
      () => new Note(this, message),
      (note) => cell.post(note),
    );
  }

  cancelReceiveTimeout(): void {
    this.#receiveTimeout?.cancel();
    this.#receiveTimeout = undefined;
  }

  forward<N>(to: Ref<N>, message: N): boolean {
    this.#live();
    const ask = this.enclosingAsk();
    if (ask === undefined) return to.tell(message);
    const target = 'routeOf' in to ? (to as Route<N>).routeOf(message) : to;
    return ask.passOn(this.cell.targetOf(target), message);
  }

  /** The ask that came with the message being handled, while it is open. */
  enclosingAsk(): Ask | undefined {
    this.cell.tracked = true;
    return this.handling === undefined ? undefined : this.cell.askOf(this.handling);
  }

  /** A message is about to be handled. Called only when the cell is `tracked`. */
  begins(message: M): void {
    this.handling = message;
    this.run++;
    this.#receiveTimeout?.touch();
  }

  /** No message is being handled any more. Called only when the cell is `tracked`. */
  rests(): void {
    this.handling = undefined;
    this.#receiveTimeout?.touch();
  }

  pipeToSelf<T>(promise: PromiseLike<T>, toMessage: (settled: Settled<T>) => M): void {
    this.#live();
    if (this.#pipes >= this.cell.kernel.limits.pipesPerActor) {
      throw new TroupeError('OVERLOADED', 'too many promises piped to self', { address: this.cell.path });
    }
    this.#pipes++;
    const settle = (settled: Settled<T>): void => {
      this.#pipes--;
      this.#post(() => toMessage(settled));
    };
    promise.then(
      (value) => settle({ ok: true, value }),
      (error: unknown) => settle({ ok: false, error }),
    );
  }

  /** What was pending is over. */
  handled(crash: Crash | undefined): void {
    this.cell.settled(this, crash);
  }

  /** Lets the cell go on when `outcome` settles. */
  waitFor(outcome: PromiseLike<void>): void {
    this.#resolved ??= () => this.cell.settled(this, undefined);
    this.#rejected ??= (error) => this.cell.settled(this, { error });
    // Through a promise of our own kind: a foreign `then` may throw.
    Promise.resolve(outcome).then(this.#resolved, this.#rejected);
  }

  /** Ends this incarnation's hold on the world: signal, timers, watches; stashed mail goes back. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#timers?.cancelAll();
    this.cancelReceiveTimeout();
    for (const ask of this.asking ?? []) ask.giveUp(this.cell.terminatedError());
    this.family?.group?.timer?.cancel();
    for (const [target, watcher] of this.#watching ?? []) target.unwatch(watcher);
    this.#watching = undefined;
    this.#returnStash();
    this.#abort?.abort(this.cell.terminatedError());
  }

  #returnStash(): void {
    if (this.#stash !== undefined) this.cell.putBack(this.#stash.takeAll());
  }

  #timerSet(): Timers<M> {
    this.#live();
    const { clock, limits } = this.cell.kernel;
    this.#timers ??= new Timers(clock, this, limits.timersPerActor, (note) => this.cell.postNow(note));
    return this.#timers;
  }

  #post(make: () => M): void {
    if (this.closed) return;
    try {
      this.cell.post(new Note(this, make()));
    } catch (error) {
      this.cell.kernel.dispatcher.signal(() => this.cell.failIn(this, error));
    }
  }

  #live(): void {
    if (this.closed) throw this.cell.terminatedError();
  }
}
