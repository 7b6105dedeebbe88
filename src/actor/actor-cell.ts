import { asTroupeError, type ErrorCode, errorMessage, handBack, TroupeError, withoutMessage } from '../core/index.ts';
import { type Ask, type AskTarget, openAsk } from './ask.ts';
import { addToRing, findInRing, removeFromRing } from './ask-ring.ts';
import type { ActorOwner, BehaviorFactory } from './behavior.ts';
import { type AnyCell, Children } from './children.ts';
import { Context } from './context.ts';
import { DeathWatch, type Watcher } from './death-watch.ts';
import { type Ending, endIncarnation, settledWhileEnding } from './ending.ts';
import type { Extraction } from './extract.ts';
import { acceptBounded, acceptLate, admitWaiting, bury, offer, offerNow, sizeOf } from './intake.ts';
import type { Kernel } from './kernel.ts';
import { Mailbox } from './mailbox.ts';
import type { ActorSpec } from './options.ts';
import { type Crash, Pending } from './pending.ts';
import { type AnyMailbox, PriorityMailbox } from './priority-mailbox.ts';
import type { AskOptions, Ref, ReplyTo } from './ref.ts';
import { RemoteActor } from './remote-actor.ts';
import { type ActorFacts, Status, statusName } from './status.ts';
import { type RestartRecord, supervise, supervisePostponed } from './supervisor.ts';
import { Note } from './timers.ts';
import { receiveTraced } from './tracing.ts';
import type { WaitingRoom } from './waiting-room.ts';

const NEW = Status.new;
const RUNNING = Status.running;
const STOPPING = Status.stopping;
/** In place of a message. */
const NONE: unique symbol = Symbol('none');

/** One actor: its mailbox, and which incarnation handles it. Rarely needed parts are made when first used. */
export class ActorCell<M> implements Ref<M> {
  readonly kernel: Kernel;
  readonly parent: AnyCell | undefined;
  readonly id: number;
  readonly name: string | undefined;
  readonly spec: ActorSpec<M>;
  readonly source: BehaviorFactory<M> | ActorOwner<M>;
  status: number = NEW;
  /** Whether it is in the dispatcher's queue. */
  #queued = false;
  /** Whether a promise of the current incarnation's handler or hook is awaited. */
  busy = false;
  /** Whether more is done about a message than handling it: its context is told, it may have a span. */
  tracked: boolean;
  /** Notes of timers that fell due while it couldn't take them, in order. */
  #due: Note<M>[] | undefined;
  /** How many notes wait in the mailbox. */
  notes = 0;
  mailbox: AnyMailbox<M | Note<M>> | undefined;
  /** The message whose handler is awaited. */
  #current: M | typeof NONE = NONE;
  context: Context<M> | undefined;
  /** There while senders wait for room. */
  waiting: WaitingRoom<M> | undefined;
  /** Oldest open ask; the others are in its ring. */
  asks: Ask | undefined;
  deathWatch: DeathWatch | undefined;
  record: RestartRecord | undefined;
  ending: Ending | undefined;
  extraction: Extraction<M> | undefined;
  /** Siblings started just before and after. */
  elder: AnyCell | undefined;
  younger: AnyCell | undefined;

  constructor(
    kernel: Kernel,
    parent: AnyCell | undefined,
    name: string | undefined,
    source: BehaviorFactory<M> | ActorOwner<M>,
    spec: ActorSpec<M>,
  ) {
    this.kernel = kernel;
    this.parent = parent;
    this.id = kernel.nextId();
    this.name = name;
    this.source = source;
    this.spec = spec;
    this.tracked = spec.traceparent !== undefined;
  }

  get path(): string {
    return `${this.#place()}#${this.id}`;
  }

  #place(): string {
    if (this.parent === undefined) return '';
    return `${this.parent.#place()}/${this.name ?? `$${this.id}`}`;
  }

  toString(): string {
    return this.path;
  }

  /** For logs, and for clients: outside the cluster a ref is a text. */
  toJSON(): string {
    return this.path;
  }

  // --- mail ---------------------------------------------------------------------------------------------------------

  tell(message: M): boolean {
    const refusal = this.accept(message);
    return refusal === undefined || (refusal === 'MAILBOX_FULL' && this.spec.overflow === 'drop-newest');
  }

  ask<R>(makeMessage: (reply: ReplyTo<R>) => M, options?: AskOptions): Promise<R> {
    return openAsk(this, makeMessage, options);
  }

  offer(message: M): Promise<void> {
    return offer(this, message);
  }

  /** The same without a promise where nothing has to wait: undefined, and the message is in the mailbox. */
  offerNow(message: M): Promise<void> | undefined {
    return offerNow(this, message);
  }

  /** Takes a message into the mailbox, or makes it a dead letter and says why. */
  accept(message: M): ErrorCode | undefined {
    if (this.status >= STOPPING) return acceptLate(this, message);
    const { dispatcher } = this.kernel;
    if (!dispatcher.awake) dispatcher.wake();
    const mailbox = this.mailbox ?? this.#makeMailbox();
    if (mailbox.length >= this.spec.bounds.messages || this.spec.sizeOf !== undefined || this.waiting !== undefined) {
      return acceptBounded(this, mailbox, message);
    }
    this.put(mailbox, message, 0);
    return undefined;
  }

  /** Puts what has been let in into the mailbox. */
  put(mailbox: AnyMailbox<M | Note<M>>, item: M | Note<M>, size: number): void {
    mailbox.push(item, this.kernel.dispatcher.stamp, size);
    if (!this.#queued) this.#enqueue();
  }

  /** Puts a note into the mailbox, whatever its bounds: an actor makes only so many of them. */
  post(note: Note<M>): void {
    if (this.status >= STOPPING || note.owner !== this.context) return;
    const { dispatcher } = this.kernel;
    if (!dispatcher.awake) dispatcher.wake();
    const mailbox = this.mailbox ?? this.#makeMailbox();
    this.notes++;
    this.put(mailbox, note, 0);
  }

  /** Hands over a timer's note as soon as it can, past its mailbox and all other actors: whatever the flood, timers are on time. */
  postNow(note: Note<M>): void {
    this.kernel.dispatcher.signal(() => {
      if (note.owner !== this.context || this.status > Status.failed) return;
      if (this.busy || this.status !== RUNNING) {
        this.#due ??= [];
        this.#due.push(note);
        return;
      }
      this.#handleNote(note);
    });
  }

  #takeDue(due: readonly Note<M>[]): void {
    this.#due = undefined;
    for (const note of due) this.postNow(note);
  }

  /** Puts messages that were accepted before in front of the others, in their order. */
  putBack(messages: readonly M[]): void {
    if (messages.length === 0) return;
    const mailbox = this.mailbox ?? this.#makeMailbox();
    for (const message of messages.toReversed()) {
      mailbox.unshift(message, this.kernel.dispatcher.stamp, sizeOf(this, message));
    }
    if (!this.#queued) this.#enqueue();
  }

  #makeMailbox(): AnyMailbox<M | Note<M>> {
    const { sizeOf, priority } = this.spec;
    if (priority !== undefined) {
      const levelOf = (item: M | Note<M>): number => priority.of(item instanceof Note ? item.message : item);
      this.mailbox = new PriorityMailbox(priority.levels, levelOf, sizeOf !== undefined);
    } else this.mailbox = this.kernel.spareMailboxes.take(sizeOf !== undefined);
    return this.mailbox;
  }

  /** The error for a sender whose message was refused; it hands that back. */
  refusalError(code: ErrorCode, message: M): TroupeError {
    const refused = (): TroupeError => new TroupeError(code, 'the mailbox refused the message', { address: this.path });
    return handBack(code === 'ACTOR_TERMINATED' ? this.terminatedError() : refused(), message);
  }

  /** What everybody hears who wants something from a dead actor. */
  terminatedError(): TroupeError {
    return new TroupeError('ACTOR_TERMINATED', 'the actor has stopped', { address: this.path });
  }

  // --- asks ---------------------------------------------------------------------------------------------------------

  /** Whether it takes no mail any more. */
  get closed(): boolean {
    return this.status >= STOPPING;
  }

  /** Whether somebody holds the mail that comes too late. */
  get forwards(): boolean {
    return this.extraction?.onLate !== undefined;
  }

  addAsk(ask: Ask): void {
    this.tracked = true;
    this.asks = addToRing(this.asks, ask);
  }

  removeAsk(ask: Ask): void {
    this.asks = removeFromRing(this.asks, ask);
  }

  /** Fails the ask that came with `message`, if one did. */
  failAskOf(message: M, error: unknown): void {
    const known = asTroupeError(error, 'HANDLER_FAILED', { address: this.path });
    this.askOf(message)?.giveUp(known.undelivered === message ? known : withoutMessage(known));
  }

  /** The open ask that came with `message`. */
  askOf(message: M): Ask | undefined {
    return findInRing(this.asks, message);
  }

  /** Whether it is handling this message, or has it in its mailbox. */
  holds(message: M): boolean {
    return (this.busy && this.context?.handling === message) || (this.mailbox?.includes(message) ?? false);
  }

  /** How many messages it has: the one being handled and those that wait. */
  get load(): number {
    return this.#depth + (this.busy ? 1 : 0);
  }

  get #depth(): number {
    return (this.mailbox?.length ?? 0) + (this.#due?.length ?? 0);
  }

  // --- handling -----------------------------------------------------------------------------------------------------

  #enqueue(): void {
    if (this.busy || (this.status !== RUNNING && this.status !== NEW)) return;
    this.#queued = true;
    this.kernel.dispatcher.ready(this);
  }

  step(max: number): number {
    if (this.status === NEW) {
      this.#queued = false;
      this.begin();
      return 1;
    }
    const mailbox = this.mailbox;
    const { dispatcher } = this.kernel;
    let done = 0;
    while (mailbox !== undefined && mailbox.length > 0 && this.status === RUNNING && !this.busy) {
      if (done >= max || dispatcher.interrupted) {
        dispatcher.ready(this);
        return done;
      }
      done++;
      const message = mailbox.shift();
      const note = this.notes > 0 && message instanceof Note;
      if (note) this.notes--;
      if (this.waiting !== undefined) admitWaiting(this, mailbox, this.waiting);
      if (note) this.#handleNote(message as Note<M>);
      else this.#handle(message as M);
    }
    this.#queued = false;
    if (this.busy && mailbox instanceof Mailbox && mailbox.length === 0) {
      // Others can use it while this one awaits its handler.
      this.mailbox = undefined;
      this.kernel.spareMailboxes.give(mailbox);
    }
    return done;
  }

  #handleNote(note: Note<M>): void {
    note.onTaken?.();
    if (note.wanted && note.owner === this.context) this.#handle(note.message);
  }

  #handle(message: M): void {
    const context = this.context!;
    let outcome: void | PromiseLike<void>;
    try {
      outcome = this.tracked ? this.#receiveTracked(context, message) : context.behavior!.receive(message, context);
    } catch (error) {
      this.fail(error, { message });
      return;
    }
    if (outcome !== undefined) this.#await(context, outcome, message);
  }

  #receiveTracked(context: Context<M>, message: M): void | PromiseLike<void> {
    context.begins(message);
    const outcome =
      this.spec.traceparent === undefined
        ? context.behavior!.receive(message, context)
        : receiveTraced(this, context, message, this.spec.traceparent(message));
    if (typeof outcome?.then !== 'function') context.rests();
    return outcome;
  }

  #await(context: Context<M>, outcome: PromiseLike<void>, message: M): void {
    if (typeof outcome?.then !== 'function') return;
    this.busy = true;
    this.#current = message;
    if (outcome instanceof Pending) outcome.awaitedBy(context);
    else context.waitFor(outcome);
  }

  /** A handler or hook of `context` has settled. What an abandoned one does changes nothing. */
  settled(context: Context<M>, crash: Crash | undefined): void {
    if (this.context !== context || !this.busy) return;
    this.busy = false;
    if (this.tracked) context.rests();
    const current = this.#current;
    this.#current = NONE;
    const on = crash === undefined || current === NONE ? undefined : { message: current };
    if (this.status === Status.starting || this.status === RUNNING) {
      if (crash !== undefined) this.fail(crash.error, on);
      else if (this.status === Status.starting) this.#started(context);
      else this.#goOn();
      return;
    }
    if (on !== undefined) bury(this, on.message, 'crashed', crash?.error);
    if (this.ending === undefined) return;
    // A start hook that ended well while the stop was already under way has something to clean up.
    if (crash === undefined) context.started = true;
    settledWhileEnding(this, this.ending, crash);
  }

  #goOn(): void {
    if (this.#due !== undefined) this.#takeDue(this.#due);
    if (this.mailbox !== undefined && this.mailbox.length > 0 && !this.#queued) this.#enqueue();
  }

  /** Gives up the handler or hook under way: its message is handed over or becomes a dead letter. */
  abandonHandler(): void {
    this.busy = false;
    const current = this.#current;
    this.#current = NONE;
    if (current === NONE) return;
    if (this.extraction !== undefined) this.extraction.first.push(current);
    else bury(this, current, 'abandoned', this.terminatedError());
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  /** Starts a child. */
  spawn<C>(source: BehaviorFactory<C> | ActorOwner<C>, name: string | undefined, spec: ActorSpec<C>): ActorCell<C> {
    const { context, kernel } = this;
    if (context === undefined || context.closed) throw this.terminatedError();
    context.family ??= new Children();
    const { family } = context;
    if (family.size >= kernel.limits.childrenPerActor) {
      throw new TroupeError('OVERLOADED', 'too many children', { address: this.path });
    }
    if (name !== undefined && family.has(name)) {
      throw new TroupeError('ALREADY_EXISTS', `a living child is named ${name}`, { address: this.path });
    }
    const child = new ActorCell<C>(kernel, this as AnyCell, name, source, spec);
    family.add(child as AnyCell);
    child.#enqueue();
    return child;
  }

  /** Begins an incarnation. */
  begin(): void {
    const context = new Context(this);
    this.context = context;
    this.status = Status.starting;
    try {
      const { source } = this;
      const behavior = typeof source === 'function' ? source() : source.behavior();
      context.behavior = behavior;
      const outcome = behavior.start?.(context);
      if (typeof outcome?.then === 'function') {
        this.busy = true;
        context.waitFor(outcome);
        return;
      }
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#started(context);
  }

  #started(context: Context<M>): void {
    context.started = true;
    if (this.record !== undefined) this.record.startedAt = this.kernel.clock.monotonic();
    this.resume();
  }

  /** Goes on handling messages. */
  resume(): void {
    this.status = RUNNING;
    this.#goOn();
    supervisePostponed(this.context?.family);
  }

  /** A crash: the message it happened on is dropped, and the supervisor decides. */
  fail(thrown: unknown, on?: { readonly message: M }): void {
    const error = thrown ?? new TroupeError('HANDLER_FAILED', 'the handler threw nothing', { address: this.path });
    if (on !== undefined) bury(this, on.message, 'crashed', error);
    if (this.status !== Status.starting && this.status !== RUNNING) return;
    this.status = Status.failed;
    this.kernel.logger.warn('actor crashed', { actor: this.path, error: errorMessage(error) });
    supervise(this as AnyCell, { kind: 'crash', error });
  }

  /** A crash outside a handler, unless the incarnation is over. */
  failIn(context: Context<M>, error: unknown): void {
    if (this.context === context && !context.closed) this.fail(error);
  }

  /** The incarnation has asked to end. */
  exit(context: Context<M>, kind: 'normal' | 'shutdown'): void {
    if (this.context !== context || context.closed || this.status > RUNNING) return;
    supervise(this as AnyCell, { kind, error: undefined });
  }

  /** The incarnation was killed: the supervisor decides whether another follows. */
  killed(): void {
    this.status = Status.failed;
    supervise(this as AnyCell, { kind: 'kill', error: this.terminatedError() });
  }

  /** Stops it, restart or not. @returns when it is dead */
  stopForGood(): Promise<void> {
    return new Promise((resolve) => {
      this.watch(() => resolve());
      this.kernel.dispatcher.signal(() => endIncarnation(this, { final: true, reason: 'shutdown' }));
    });
  }

  /** Calls `watcher` once, when it is dead; soon, when it is dead already. */
  watch(watcher: Watcher): void {
    this.deathWatch ??= new DeathWatch(this.kernel);
    this.deathWatch.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    this.deathWatch?.remove(watcher);
  }

  /** Whom a ref names, here or elsewhere. @throws TroupeError INVALID_ARGUMENT when it is no actor's */
  targetOf<N>(ref: Ref<N>): AskTarget {
    return asTarget(ref);
  }

  /** What there is to see from outside. */
  inspect(): ActorFacts {
    const mailbox = this.mailbox;
    const waiting = mailbox !== undefined && mailbox.length > 0;
    return {
      path: this.path,
      status: statusName(this.status),
      depth: this.#depth,
      bytes: mailbox?.bytes ?? 0,
      oldestAgeMs: waiting ? Math.max(0, this.kernel.dispatcher.elapsedMs() - mailbox.oldestStamp()) : 0,
      restarts: this.record?.restarts ?? 0,
      children: this.context?.family?.size ?? 0,
    };
  }
}

/** The cell behind a ref. @throws TroupeError INVALID_ARGUMENT when the ref isn't of this kernel */
export function asCell<M>(ref: Ref<M>): ActorCell<M> {
  if (ref instanceof ActorCell) return ref;
  throw new TroupeError('INVALID_ARGUMENT', 'this ref does not name a local actor', { address: ref.path });
}

/** Whom a ref names, here or elsewhere. @throws TroupeError INVALID_ARGUMENT when it is no actor's */
export function asTarget<M>(ref: Ref<M>): AskTarget {
  return ref instanceof RemoteActor ? ref : (asCell(ref) as AnyCell);
}
