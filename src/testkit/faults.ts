import type { Behavior, BehaviorFactory } from '../actor/index.ts';
import { type Clock, delay, TroupeError } from '../core/index.ts';

/**
 * Lets an actor crash on its nth message, whatever its incarnation; its handler doesn't see that one.
 *
 * @param nth from 1; several for several crashes
 * @param error thrown; default a TroupeError HANDLER_FAILED
 * @example
 * const worker = kit.spawn(crashOn(workerOf(job), 3));
 */
export function crashOn<M>(
  factory: BehaviorFactory<M>,
  nth: number | readonly number[],
  error: unknown = new TroupeError('HANDLER_FAILED', 'a crash that the test asked for'),
): BehaviorFactory<M> {
  const crashes = new Set(typeof nth === 'number' ? [nth] : nth);
  let messages = 0;
  return around(factory, (behavior, message, ctx) => {
    if (crashes.has(++messages)) throw error;
    return behavior.receive(message, ctx);
  });
}

/**
 * Lets an actor take its time before each message. It ends early when the actor is to stop.
 *
 * @param delayMs ms, or what makes it from the message
 */
export function slow<M>(
  factory: BehaviorFactory<M>,
  delayMs: number | ((message: M) => number),
  clock: Clock,
): BehaviorFactory<M> {
  return around(factory, async (behavior, message, ctx) => {
    await delay(clock, typeof delayMs === 'number' ? delayMs : delayMs(message), ctx.signal);
    await behavior.receive(message, ctx);
  });
}

function around<M>(
  factory: BehaviorFactory<M>,
  receive: (behavior: Behavior<M>, ...received: Parameters<Behavior<M>['receive']>) => void | PromiseLike<void>,
): BehaviorFactory<M> {
  return () => {
    const behavior = factory();
    return {
      start: (ctx) => behavior.start?.(ctx),
      receive: (message, ctx) => receive(behavior, message, ctx),
      stop: (ctx, reason) => behavior.stop?.(ctx, reason),
    };
  };
}
