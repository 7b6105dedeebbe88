import {
  type Clock,
  errorMessage,
  type Logger,
  nullLogger,
  nullTracer,
  type Random,
  systemClock,
  systemRandom,
  type Tracer,
  TroupeError,
} from '../core/index.ts';
import { ActorCell, asCell, asTarget } from './actor-cell.ts';
import type { ActorOwner, BehaviorFactory } from './behavior.ts';
import type { AnyCell } from './children.ts';
import { type DeadLetter, DeadLetters, type KeptDeadLetter, type Replay } from './dead-letters.ts';
import { Deadlines } from './deadlines.ts';
import type { Watcher } from './death-watch.ts';
import { Dispatcher } from './dispatcher.ts';
import { kill } from './ending.ts';
import { type ExtractOptions, extract } from './extract.ts';
import type { Kernel, RestartEvent } from './kernel.ts';
import { DEFAULT_LIMITS, type KernelLimits } from './limits.ts';
import { SpareMailboxes } from './mailbox.ts';
import type { ActorSpec, SpawnOptions, SupervisionOptions } from './options.ts';
import { RandomTurns } from './random-turns.ts';
import type { Ref } from './ref.ts';
import { Specs } from './specs.ts';
import type { ActorFacts } from './status.ts';

/** How a system is kept. Everything has a default: this machine's clock and randomness, no log, no spans. */
export interface ActorSystemOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  readonly limits?: Partial<KernelLimits>;
  /**
   * How the root treats top-level actors. Without it each has a restart limit of its own (`topLevelIntensity`), past
   * which it stops and nobody else suffers. With it the limit is shared, as for any supervisor, and past it the system fails.
   */
  readonly supervision?: SupervisionOptions;
  readonly onDeadLetter?: (letter: DeadLetter) => void;
  /** For tests: chooses whose turn is next, and turns are of one message. Default: first come, first served. */
  readonly turns?: Random;
  /** Told of each restart, before the backoff. */
  readonly onRestart?: (event: RestartEvent) => void;
  /** Told when a failure has reached the root, or the kernel itself has a defect. The system then shuts itself down. */
  readonly onFatal?: (error: unknown) => void;
}

/**
 * A tree of actors under one root, in one thread. Actors handle one message at a time; the order of messages is kept per
 * sender and receiver.
 *
 * @example
 * await using system = new ActorSystem();
 * const counter = system.spawn(() => {
 *   let count = 0;
 *   return { receive: (message: { add: number; reply: ReplyTo<number> }) => void message.reply.tell((count += message.add)) };
 * });
 * const total = await counter.ask<number>((reply) => ({ add: 2, reply }), { timeoutMs: 1_000 });
 */
export class ActorSystem implements AsyncDisposable {
  readonly #kernel: SystemKernel;
  readonly #root: AnyCell;
  #shutdown: Promise<void> | undefined;

  /** @throws TroupeError INVALID_ARGUMENT when an option can't work */
  constructor(options: ActorSystemOptions = {}) {
    this.#kernel = new SystemKernel(options, (error) => this.#fail(error, options.onFatal));
    const supervision = { stopOrder: 'together', intensity: Number.POSITIVE_INFINITY, ...options.supervision } as const;
    this.#root = new ActorCell<unknown>(
      this.#kernel,
      undefined,
      undefined,
      () => ({ receive() {} }),
      this.#kernel.specOf({ supervision }),
    );
    this.#root.begin();
  }

  /**
   * Starts a top-level actor. Its factory and start hook run soon, not within the call; mail may be sent at once.
   * @throws TroupeError SHUTTING_DOWN, ALREADY_EXISTS (name), OVERLOADED (too many actors), INVALID_ARGUMENT
   */
  spawn<M>(factory: BehaviorFactory<M>, options?: SpawnOptions<M>): Ref<M> {
    return this.#spawn(factory, options);
  }

  /** The same for an actor that has an owner in place of a factory. */
  spawnFor<M>(owner: ActorOwner<M>, options?: SpawnOptions<M>): Ref<M> {
    return this.#spawn(owner, options);
  }

  #spawn<M>(source: BehaviorFactory<M> | ActorOwner<M>, options: SpawnOptions<M> | undefined): Ref<M> {
    if (this.#shutdown !== undefined) throw new TroupeError('SHUTTING_DOWN', 'the actor system is shutting down');
    return this.#root.spawn(source, options?.name, this.#kernel.topLevelSpecs.of(options));
  }

  /** Stops an actor for good, its children first. @returns when it is dead */
  stop(ref: Ref<never>): Promise<void> {
    return asCell(ref).stopForGood();
  }

  /** Kills an actor at once, without its stop hook. Its supervisor may bring it back, as after a crash. */
  kill(ref: Ref<never>): void {
    const cell = asCell(ref);
    this.#kernel.dispatcher.signal(() => kill(cell, false));
  }

  /** Calls `watcher` once when the actor has ended, soon if it already has. @returns takes the watcher back */
  watch(ref: Ref<never>, watcher: Watcher): () => void {
    const target = asTarget(ref);
    target.watch(watcher);
    return () => target.unwatch(watcher);
  }

  /** The top-level actor of that name, while it lives. */
  find<M>(name: string): Ref<M> | undefined {
    return this.#root.context?.family?.get(name) as Ref<M> | undefined;
  }

  /** What its actors share; for rooms that stand on the kernel. */
  get kernel(): Kernel {
    return this.#kernel;
  }

  /** Stops an actor and hands back its mail, for another place to handle it; see `ExtractOptions`. */
  extract<M>(ref: Ref<M>, options: ExtractOptions<M> = {}): Promise<{ messages: M[] }> {
    return extract(asCell(ref), options);
  }

  /** What there is to see of an actor: depth, bytes and age of its mailbox, restarts. */
  inspect(ref: Ref<never>): ActorFacts {
    return asCell(ref).inspect();
  }

  /** How many dead letters there ever were, and the last of them. */
  get deadLetters(): { readonly count: number; recent(): readonly KeptDeadLetter[] } {
    return this.#kernel.deadLetters;
  }

  /**
   * Sends those of the kept dead letters that `choose` names once more, oldest first: to their own actors, or all to `to`.
   * They keep nothing of who asked: answers go nowhere. What can't be delivered is a dead letter still, or again.
   *
   * @throws whatever `choose` throws; nothing was sent then
   */
  replay(choose: (letter: DeadLetter) => boolean, to?: Ref<never>): Replay {
    return this.#kernel.deadLetters.replay(choose, to === undefined ? undefined : asCell(to as Ref<unknown>));
  }

  /**
   * Stops all actors, the top-level ones together. Those that aren't done after `timeoutMs` are killed. Calling it again
   * gives the same promise.
   */
  shutdown(timeoutMs: number = this.#kernel.limits.shutdownMs * 2): Promise<void> {
    this.#shutdown ??= this.#stopAll(timeoutMs);
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #stopAll(timeoutMs: number): Promise<void> {
    const { clock, dispatcher, deadlines } = this.#kernel;
    const limit = clock.schedule(timeoutMs, () => dispatcher.signal(() => kill(this.#root, true)));
    await this.#root.stopForGood();
    limit.cancel();
    deadlines.close();
  }

  #fail(error: unknown, listener: ((error: unknown) => void) | undefined): void {
    this.#kernel.logger.error('actor system failed', { error: errorMessage(error) });
    guarded(this.#kernel.logger, 'fatal listener failed', () => listener?.(error));
    void this.shutdown();
  }
}

function guarded(logger: Logger, what: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    logger.error(what, { error: errorMessage(error) });
  }
}

class SystemKernel implements Kernel {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly limits: KernelLimits;
  readonly dispatcher: Dispatcher;
  readonly deadLetters: DeadLetters;
  readonly deadlines: Deadlines;
  readonly spareMailboxes: SpareMailboxes = new SpareMailboxes();
  readonly fatal: (error: unknown) => void;
  readonly #onRestart: ((event: RestartEvent) => void) | undefined;
  readonly #specs: Specs;
  /** Of the root's children. */
  readonly topLevelSpecs: Specs;
  #lastId = 0;

  constructor(options: ActorSystemOptions, fatal: (error: unknown) => void) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.logger = options.logger ?? nullLogger;
    this.tracer = options.tracer ?? nullTracer;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.fatal = fatal;
    const { sliceMs, sliceMessages, deadLetters, deadLetterBytes, openAsks, topLevelIntensity, topLevelPeriodMs } =
      this.limits;
    const ready = options.turns === undefined ? undefined : new RandomTurns(options.turns);
    this.dispatcher = new Dispatcher(this.clock, sliceMs, sliceMessages, fatal, ready);
    this.deadLetters = new DeadLetters(deadLetters, deadLetterBytes, this.clock, this.logger, options.onDeadLetter);
    this.deadlines = new Deadlines(this.clock, openAsks);
    this.#onRestart = options.onRestart;
    const ownLimit = { intensity: topLevelIntensity, periodMs: topLevelPeriodMs };
    this.#specs = new Specs(this.limits, this.tracer.enabled);
    this.topLevelSpecs = new Specs(
      this.limits,
      this.tracer.enabled,
      options.supervision === undefined ? ownLimit : undefined,
    );
  }

  specOf<M>(options: SpawnOptions<M> | undefined): ActorSpec<M> {
    return this.#specs.of(options);
  }

  nextId(): number {
    return ++this.#lastId;
  }

  restarted(event: RestartEvent): void {
    guarded(this.logger, 'restart listener failed', () => this.#onRestart?.(event));
  }
}
