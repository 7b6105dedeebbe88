import { type ActorContext, ActorSystem, type ActorSystemOptions, type Behavior } from '../../../src/actor/index.ts';
import { SeededRandom } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

/** A system in virtual time. */
export function virtualSystem(options: ActorSystemOptions = {}): { system: ActorSystem; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, system: new ActorSystem({ clock, random: new SeededRandom(1), ...options }) };
}

/** A promise that is settled from outside. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
  break(error: unknown): void;
}

/** @returns a gate that is shut */
export function gate(): Gate {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve, break: reject };
}

/** A behaviour that does whatever each message says: tests write the actor's code where they send it. */
export type Script = (ctx: ActorContext<Script>) => void | Promise<void>;

/** @returns a behaviour that runs each message */
export function scripted(hooks: Omit<Behavior<Script>, 'receive'> = {}): Behavior<Script> {
  return { ...hooks, receive: (script, ctx) => script(ctx) };
}
