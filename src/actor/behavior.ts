import type { ActorContext } from './context.ts';
import type { Ref } from './ref.ts';

/**
 * Why an actor ended: `normal` and `shutdown` it chose itself, `shutdown` also when its owner stopped it, `crashed` when
 * its supervisor gave it up, `killed` when it was killed or didn't stop in time, `extracted` when its mail was moved away.
 */
export type StopReason = 'normal' | 'shutdown' | 'crashed' | 'killed' | 'extracted';

/**
 * Why an actor is said to have ended. Beside its own reasons: `lost`, the life of its node is over, whatever became of the
 * actor; `gone`, it had ended before, and nobody remembers why.
 */
export type EndReason = StopReason | 'lost' | 'gone';

/** What a watcher hears, exactly once per watched actor. */
export interface Terminated {
  readonly ref: Ref<never>;
  readonly reason: EndReason;
  /** The last error when the reason is `crashed`, what became of the node when it is `lost`. */
  readonly error?: unknown;
}

/**
 * What one incarnation of an actor does. Its state lives in the object or the closure, so a restart, which asks the
 * factory for a new one, starts clean. A hook that throws or rejects is a crash of the actor.
 */
export interface Behavior<M> {
  /** Runs before the first message; mail waits until it settles. */
  start?(ctx: ActorContext<M>): void | Promise<void>;
  /** Handles one message. The next one waits until the returned promise settles. */
  receive(message: M, ctx: ActorContext<M>): void | PromiseLike<void>;
  /**
   * Runs once when the incarnation ends, after its handler has settled and its children are gone, but not when it is
   * killed or abandoned. A failure here is logged and changes nothing.
   */
  stop?(ctx: ActorContext<M>, reason: StopReason | 'restart'): void | Promise<void>;
}

/** Makes the behaviour of a new incarnation. Called anew at each restart. */
export type BehaviorFactory<M> = () => Behavior<M>;

/**
 * In place of a factory: whoever keeps something for each of very many actors makes their behaviours itself, and hears of their ends as
 * a watcher does, without a closure and a watch for each.
 */
export interface ActorOwner<M> {
  /** What a factory returns. */
  behavior(): Behavior<M>;
  /** The actor has ended; called once. */
  onEnd(terminated: Terminated): void;
}
