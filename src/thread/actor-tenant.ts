/** Hosts one actor's behaviour in a worker thread: the other half of `inThread`. */
import { type ActorContext, ActorSystem, type Behavior, type Ref } from '../actor/index.ts';
import { systemClock, TroupeError, toWireError } from '../core/index.ts';
import type { ActorTenantData } from './behavior.ts';
import { Border } from './border.ts';
import type { Channel, Handlers } from './channel.ts';
import { crossingLogger } from './log-line.ts';

/** A message that came from the actor on the other side, which waits until it is handled. */
class Carried {
  readonly message: unknown;
  readonly handled: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(message: unknown) {
    this.message = message;
  }
}

/**
 * Loads the behaviour and gives it an actor of its own in here, so that timers, stash, children and watches work as everywhere.
 * The actor beyond the border supervises it: what it throws is told there, and it isn't restarted here.
 */
export async function open(channel: Channel, data: unknown): Promise<Handlers> {
  const { module, name, init } = data as ActorTenantData;
  const exported = ((await import(module)) as Record<string, unknown>)[name];
  const say = (about: string, value: unknown): void => void channel.note(about, value).catch(() => undefined);
  const system = new ActorSystem({ clock: systemClock, logger: crossingLogger((line) => say('log', line)) });
  const started = Promise.withResolvers<void>();
  const stopReason = Promise.withResolvers<'shutdown' | 'restart'>();
  let stopping = false;
  let inner: Ref<unknown>;
  let border: Border;

  const crashed = (error: unknown): void => say('crashed', toWireError(error));

  /** The behaviour, with what the other side must hear. */
  const told = (own: Behavior<unknown>): Behavior<unknown> => ({
    start: async (ctx) => {
      const become = ctx.become.bind(ctx);
      (ctx as { become: ActorContext<unknown>['become'] }).become = (next) => become(told(next));
      try {
        await own.start?.(ctx);
        started.resolve();
      } catch (error) {
        started.reject(error);
        throw error;
      }
    },
    receive: async (message, ctx) => {
      const carried = message instanceof Carried ? message : undefined;
      try {
        await own.receive(carried === undefined ? message : carried.message, ctx);
        carried?.handled.resolve();
      } catch (error) {
        // Whether it goes on is decided beyond the border.
        if (carried === undefined) crashed(error);
        else carried.handled.reject(error);
      }
    },
    // Whoever stops it from beyond the border says why when its last message is handled.
    stop: async (ctx, reason) => own.stop?.(ctx, stopping ? await stopReason.promise : reason),
  });

  return {
    start: async () => {
      if (typeof exported !== 'function')
        throw new TroupeError('INVALID_ARGUMENT', `the module has no function "${name}"`, { address: module });
      const make = exported as (init: unknown) => Behavior<unknown>;
      inner = system.spawn(() => told(make(init)), { restart: 'temporary', name: 'inner' });
      border = new Border({
        clock: systemClock,
        note: (about, value) => channel.note(about, value),
        spawn: (factory, options) => system.spawn(factory, options),
        ours: inner,
      });
      system.watch(inner, ({ reason, error }) => {
        started.reject(error);
        if (reason === 'crashed') crashed(error);
        else if (reason === 'normal' || reason === 'shutdown') say('stopped', reason);
      });
      await started.promise;
    },
    message: async (message) => {
      const carried = border.deliver(inner, message, (own) => new Carried(own));
      if (!(carried instanceof Carried))
        throw new TroupeError('ACTOR_TERMINATED', 'the actor in the thread has stopped');
      await carried.handled.promise;
    },
    stopping: () => {
      stopping = true;
      void system.stop(inner);
    },
    stop: async (reason) => {
      stopReason.resolve(reason as 'restart');
      await system.stop(inner);
    },
    tell: (told) => border.serve.tell(told),
    answer: (answer) => border.serve.answer(answer),
    lost: (lost) => border.serve.lost(lost),
    gone: (gone) => border.serve.gone(gone),
  };
}
