import type { Ref as KernelRef } from '../actor/index.ts';
import { Deque, errorMessage, TroupeError } from '../core/index.ts';
import type { AnyActor, Family, Fault } from './family.ts';
import { carryOut } from './faults.ts';
import type { History } from './history.ts';
import type { ActorLog } from './logging.ts';
import { type ActorPath, ActorReference, Nobody, type Ref } from './references.ts';
import type { NactSystem } from './system.ts';
import {
  type ActorContext,
  type ActorContextWithMailbox,
  type ActorFunc,
  type ActorProps,
  type Mail,
  SUPERVISION_ACTIONS,
} from './types.ts';

/** Messages that may wait for an actor. nact has no limit: this one is out of reach for a program that keeps up. */
export const MAILBOX_MESSAGES_MAX = 1_000_000;
/** Initial states and recoveries that may fail in a row before the actor is stopped. */
export const FAILED_STARTS_MAX = 5;
/** The longest time anything waits, ms: more is cut to it, as in nact. */
export const TIMEOUT_MS_MAX = 2_147_483_647;

/** What the kernel sends an actor that has had nothing to do for `shutdownAfter`. */
const IDLE = Symbol('idle');

/** An actor written for nact. It is one actor of our kernel for its whole life, through all resets. */
export class NactActor<State, Msg> implements Family {
  readonly system: NactSystem;
  readonly parent: Family;
  readonly name: string;
  readonly path: ActorPath;
  readonly reference: ActorReference<Msg>;
  readonly children = new Map<string, AnyActor>();
  readonly log: ActorLog;
  readonly #handle: ActorFunc<State, Msg, Ref<never>>;
  readonly #props: ActorProps<State, Msg, Ref<never>>;
  readonly #history: History<State, Msg> | undefined;
  readonly #cell: KernelRef<Mail<Msg> | typeof IDLE>;
  #state: State | undefined;
  /** Grows with each reset: what a handler of an earlier life returns changes nothing. */
  #life = 0;
  #failedStarts = 0;
  #stopped = false;
  /** There while the state is being made; mail waits for it. */
  #preparing: Promise<void> | undefined;
  /** The mail that the kernel keeps for it, for `onCrash` and `afterStop` to see. */
  readonly #waiting = new Deque<Mail<Msg>>();

  /** @throws TroupeError ALREADY_EXISTS (name), INVALID_ARGUMENT (name, options), OVERLOADED (too many actors) */
  constructor(
    parent: Family,
    handle: ActorFunc<State, Msg, Ref<never>>,
    name: string | undefined,
    props: ActorProps<State, Msg, Ref<never>>,
    history?: History<State, Msg>,
  ) {
    const { system } = parent;
    const idleMs = idleTime(props.shutdownAfter);
    this.parent = parent;
    this.system = system;
    this.name = name || system.anonymous();
    this.path = parent.path.createChildPath(this.name);
    if (parent.children.has(this.name)) {
      throw new TroupeError('ALREADY_EXISTS', `there is an actor ${this.path}`, { address: String(this.path) });
    }
    this.reference = new ActorReference<Msg>(this.path, this.name, parent.reference);
    this.log = system.createLogger(this.reference);
    this.#handle = handle;
    this.#props = props;
    this.#history = history;
    this.#cell = system.spawn<Mail<Msg> | typeof IDLE>(this.path, MAILBOX_MESSAGES_MAX, {
      start: (ctx) => {
        if (idleMs !== undefined) ctx.setReceiveTimeout(idleMs, IDLE);
      },
      receive: (mail) => this.#receive(mail),
    });
    system.onEnd(this.#cell, () => void this.#afterStop());
    parent.children.set(this.name, this as unknown as AnyActor);
    this.#prepare();
  }

  // --- mail ---------------------------------------------------------------------------------------------------------

  /** Takes a message. What finds no room is a dead letter of the kernel. */
  dispatch(mail: Mail<Msg>): void {
    if (this.#cell.tell(mail)) this.#waiting.push(mail);
    else this.system.logger.warn('nact: mailbox full', { actor: String(this.path) });
  }

  #receive(mail: Mail<Msg> | typeof IDLE): void | Promise<void> {
    if (mail === IDLE) return this.stop();
    this.#waiting.shift();
    return this.#preparing === undefined ? this.#turn(mail) : this.#preparing.then(() => this.#turn(mail));
  }

  #turn(mail: Mail<Msg>): void | Promise<void> {
    if (this.#stopped) return;
    const life = this.#life;
    const became = (state: State): void => {
      this.#failedStarts = 0;
      if (life !== this.#life) return;
      this.#state = state;
      this.#history?.after(state);
    };
    const crashed = (error: unknown): Promise<void> => this.#crashed(life, { ...mail, error });
    try {
      const context = this.#context(mail.sender);
      const next = this.#handle.call(context, this.#state as State, mail.message, context);
      if (!isPromise(next)) return became(next);
      return Promise.resolve(next).then(became).catch(crashed);
    } catch (error) {
      return crashed(error);
    }
  }

  // --- crashes ------------------------------------------------------------------------------------------------------

  /** A handler threw. One of a life that a reset has ended meanwhile has nothing left to decide about. */
  async #crashed(life: number, fault: Fault): Promise<void> {
    if (life === this.#life && !this.#stopped) await this.fault(fault);
  }

  async fault(fault: Fault): Promise<void> {
    await carryOut(await this.#verdict(fault), this as unknown as AnyActor, fault);
  }

  async #verdict({ message, sender, error, child }: Fault): Promise<symbol | undefined> {
    const { onCrash } = this.#props;
    if (onCrash !== undefined) {
      const context = { ...this.#contextWithMailbox(sender), ...SUPERVISION_ACTIONS };
      return onCrash(message as Msg | undefined, error, context, child?.reference);
    }
    this.system.logger.error('nact: actor crashed and is stopped', {
      actor: String(this.path),
      ...(child === undefined ? {} : { child: child.name }),
      error: errorMessage(error),
    });
    return SUPERVISION_ACTIONS.stop;
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  /** Begins anew: without children, with the initial state (or what was persisted). Mail is kept. */
  async reset(): Promise<void> {
    if (this.#stopped) return;
    this.#life++;
    for (const child of [...this.children.values()]) child.stop();
    this.#prepare();
    await this.#preparing;
  }

  #prepare(): void {
    const { initialState, initialStateFunc } = this.#props;
    let failure: { readonly error: unknown } | undefined;
    // What was under way is of an earlier life.
    this.#preparing = undefined;
    try {
      this.#state = initialStateFunc === undefined ? initialState : initialStateFunc(this.#context(new Nobody()));
    } catch (error) {
      failure = { error };
    }
    if (failure === undefined && this.#history === undefined) return;
    const preparing = this.#recover(failure).catch((error: unknown) => {
      this.system.logger.error('nact: actor could not start', { actor: String(this.path), error: errorMessage(error) });
      this.stop();
    });
    this.#preparing = preparing;
    void preparing.then(() => {
      if (this.#preparing === preparing) this.#preparing = undefined;
    });
  }

  async #recover(failure: { readonly error: unknown } | undefined): Promise<void> {
    const life = this.#life;
    const abandoned = Symbol('abandoned');
    const replay = async (state: State, message: Msg): Promise<State> => {
      const context = { ...this.#context(new Nobody()), recovering: true };
      try {
        return await this.#handle.call(context, state, message, context);
      } catch (error) {
        const fault = { message, sender: context.sender, error };
        const verdict = await this.#verdict(fault);
        if (verdict === SUPERVISION_ACTIONS.resume) return state;
        this.#startFailed();
        await carryOut(verdict, this as unknown as AnyActor, fault);
        throw abandoned;
      }
    };
    try {
      if (failure !== undefined) throw failure.error;
      const state = await this.#history?.recover(this.#state as State, replay);
      if (life !== this.#life) return;
      this.#state = state;
      this.#failedStarts = 0;
    } catch (error) {
      if (error === abandoned || life !== this.#life || this.#stopped) return;
      this.#startFailed();
      await this.fault({ message: undefined, sender: new Nobody(), error });
    }
  }

  /** @throws TroupeError HANDLER_FAILED when it has failed too often: an actor that can't start mustn't spin */
  #startFailed(): void {
    if (++this.#failedStarts < FAILED_STARTS_MAX) return;
    throw new TroupeError('HANDLER_FAILED', 'the initial state failed too often', { address: String(this.path) });
  }

  /** Stops it and all below, after the message that is being handled. Its name is free at once. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.parent.children.delete(this.name);
    for (const child of [...this.children.values()]) child.stop();
    this.system.end(this.#cell);
  }

  async #afterStop(): Promise<void> {
    // The kernel ends an actor by itself when its onCrash throws.
    this.stop();
    try {
      await this.#props.afterStop?.(this.#state as State, this.#contextWithMailbox(new Nobody()));
    } catch (error) {
      this.system.logger.error('nact: afterStop failed', { actor: String(this.path), error: errorMessage(error) });
    }
  }

  // --- what it is told ----------------------------------------------------------------------------------------------

  #context(sender: Ref<unknown>): ActorContext<Msg, Ref<never>> {
    const context = {
      parent: this.parent.reference,
      path: this.path,
      self: this.reference,
      name: this.name,
      children: new Map<string, Ref<unknown>>(),
      sender,
      log: this.log,
      ...this.#history?.extras,
    };
    for (const [name, child] of this.children) context.children.set(name, child.reference);
    return context;
  }

  #contextWithMailbox(sender: Ref<unknown>): ActorContextWithMailbox<Msg, Ref<never>> {
    return { ...this.#context(sender), mailbox: [...this.#waiting] };
  }
}

function idleTime(shutdownAfter: unknown): number | undefined {
  if (shutdownAfter === undefined || shutdownAfter === 0 || shutdownAfter === null) return undefined;
  if (typeof shutdownAfter === 'number' && shutdownAfter >= 1) return Math.min(shutdownAfter, TIMEOUT_MS_MAX);
  throw new TroupeError('INVALID_ARGUMENT', 'shutdownAfter must be a number of ms, 1 or more');
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}
