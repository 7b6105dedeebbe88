import { type ErrorCode, handBack, TroupeError } from '../core/index.ts';
import { openAsk } from './ask.ts';
import type { EndReason, Terminated } from './behavior.ts';
import { DeathWatch, type Watcher } from './death-watch.ts';
import type { Kernel } from './kernel.ts';
import type { AskOptions, Ref, ReplyTo } from './ref.ts';

/**
 * An actor that another system keeps, as this one sees it: asks wait for it and watchers watch it as if it were here. How a
 * message gets there is the subclass's affair.
 */
export abstract class RemoteActor<M> implements Ref<M> {
  readonly kernel: Kernel;
  readonly path: string;
  #deathWatch: DeathWatch | undefined;
  #end: Terminated | undefined;
  /** Why the last message was refused. */
  #refusal: TroupeError | undefined;

  constructor(kernel: Kernel, path: string) {
    this.kernel = kernel;
    this.path = path;
  }

  /** Sends a message on its way. @returns what `refuse` returned, when that can't be */
  protected abstract send(message: M): ErrorCode | undefined;

  /** Somebody watches it now, or nobody any more. Not called once it has ended. */
  protected abstract watched(wanted: boolean): void;

  /** See `Ref.offer`. It resolves when the message is on its way; by then the actor needn't have it. */
  abstract offer(message: M): Promise<void>;

  tell(message: M): boolean {
    return this.accept(message) === undefined;
  }

  ask<R>(makeMessage: (reply: ReplyTo<R>) => M, options?: AskOptions): Promise<R> {
    return openAsk(this, makeMessage, options);
  }

  /** Whether it is known to have ended. */
  get closed(): boolean {
    return this.#end !== undefined;
  }

  /** Its end has become known: watchers hear of it, and what comes for it later is refused. The first word counts. */
  end(reason: EndReason, error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { ref: this, reason, ...(error === undefined ? {} : { error }) };
    this.#deathWatch?.announce(this.#end);
  }

  watch(watcher: Watcher): void {
    if (this.#deathWatch === undefined) {
      this.#deathWatch = new DeathWatch(this.kernel);
      if (this.#end !== undefined) this.#deathWatch.announce(this.#end);
    }
    const first = !this.closed && !this.#deathWatch.watched;
    this.#deathWatch.add(watcher);
    if (first) this.watched(true);
  }

  unwatch(watcher: Watcher): void {
    if (this.closed || !this.#deathWatch?.watched) return;
    this.#deathWatch.remove(watcher);
    if (!this.#deathWatch.watched) this.watched(false);
  }

  /** Takes a message on its way, or makes it a dead letter and says why. */
  accept(message: M): ErrorCode | undefined {
    return this.closed ? this.refuse(message, this.terminatedError()) : this.send(message);
  }

  /** Makes a message a dead letter. @param bytes its size, where it is known */
  protected refuse(message: M, error: TroupeError, bytes = 0): ErrorCode {
    const { code } = error;
    const reason =
      code === 'ACTOR_TERMINATED' ? 'terminated' : code === 'OVERLOADED' ? 'overflow' : ('unreachable' as const);
    this.kernel.deadLetters.add({ message, to: this.path, reason, error }, bytes, this as RemoteActor<unknown>);
    this.#refusal = error;
    return code;
  }

  /** The error for a sender whose message was just refused with this code; it hands that back. */
  refusalError(code: ErrorCode, message: M): TroupeError {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return handBack(refusal?.code === code ? refusal : this.terminatedError(), message);
  }

  /** What everybody hears who wants something from an actor that has ended. */
  terminatedError(): TroupeError {
    return this.#end?.reason === 'lost'
      ? new TroupeError('NODE_UNAVAILABLE', 'the node of the actor is gone', { address: this.path })
      : new TroupeError('ACTOR_TERMINATED', 'the actor has stopped', { address: this.path });
  }

  toString(): string {
    return this.path;
  }

  /** For logs, and for clients: outside the cluster a ref is a text. */
  toJSON(): string {
    return this.path;
  }

  // What asks want to know of a target. Its inside isn't to be seen from here, and its node tells of the end of each ask.

  get busy(): false {
    return false;
  }

  get forwards(): false {
    return false;
  }

  addAsk(): void {}

  removeAsk(): void {}
}
