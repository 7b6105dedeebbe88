import type { ActorContext } from './context.ts';

/** How an ask is bounded. */
export interface AskOptions {
  /** Deadline, ms from now. Default: the system's `askTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Takes the ask back: it rejects with CANCELLED. The message may still be handled. */
  readonly signal?: AbortSignal;
  /**
   * The context of the actor that asks. If that one is answering an ask at the moment, this ask has no longer than that, and
   * ends with it (TIMEOUT, CANCELLED) when nobody waits for it any more. It also ends with the incarnation. And actors that
   * so wait for each other in a circle hear of it at once (ASK_CYCLE): an ask counts as awaited while the handler that made
   * it is under way, so one that the handler itself doesn't await should be made without this.
   */
  readonly within?: ActorContext<never>;
}

/** Where the answer of an ask goes. The first answer counts; later ones are dropped. */
export interface ReplyTo<R> {
  /** @returns false when the asker no longer waits */
  readonly tell: (reply: R) => boolean;
  /** Answers with an error. @returns false when the asker no longer waits */
  readonly fail: (error: unknown) => boolean;
  /** When the asker gives up, in the clock's monotonic ms: hand it down to what the answer needs. */
  readonly deadline: number;
  /** Fires when the asker no longer waits though nobody has answered: it gave up, timed out or died. */
  readonly signal: AbortSignal;
}

/**
 * Names one actor from its spawn to its end. It survives restarts, and never reaches another actor that takes the same
 * name later. What may be sent is checked strictly: a `Ref<A>` isn't a `Ref<A | B>`.
 */
export interface Ref<M> {
  /** Unique in its system's life, e.g. `/audit/worker#17`. For people and logs. */
  readonly path: string;
  /**
   * Puts a message into the mailbox; never throws. Order is kept per sender.
   * @returns false when the message was refused: it is then a dead letter (mailbox full, or the actor is dead)
   */
  readonly tell: (message: M) => boolean;
  /**
   * Sends a message that carries a place for the answer, and waits for it.
   * @throws TroupeError (rejects) ACTOR_TERMINATED at once when the actor is dead or dies meanwhile, MAILBOX_FULL,
   *   HANDLER_FAILED when the handler crashed on this message, TIMEOUT, CANCELLED, OVERLOADED, ASK_CYCLE. What a mailbox here has
   *   refused or dropped is in the error's `undelivered`
   */
  readonly ask: <R>(makeMessage: (reply: ReplyTo<R>) => M, options?: AskOptions) => Promise<R>;
  /**
   * Like tell, but resolves once the message is in the mailbox. With the policy `backpressure` it waits for room.
   * @throws TroupeError (rejects) ACTOR_TERMINATED, MAILBOX_FULL, MESSAGE_TOO_LARGE, OVERLOADED when too many wait; the message is in
   *   its `undelivered`
   */
  readonly offer: (message: M) => Promise<void>;
}

/** A ref that stands for several actors and sends each message to one of them. */
export interface Route<M> extends Ref<M> {
  /** Who gets this message. */
  readonly routeOf: (message: M) => Ref<M>;
}
