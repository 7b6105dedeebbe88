import { type Actor, createActor, type EventObject, fromTransition, type TransitionActorLogic } from 'xstate';
import type { Add, Kit } from './kit.ts';

interface Increment extends EventObject {
  readonly value: number;
  readonly reply: (value: number) => void;
}

/** The event that an actor gets when it is stopped. */
const STOP = 'xstate.stop';

type TransitionActor<E extends EventObject> = Actor<TransitionActorLogic<number, E, undefined>>;

/**
 * Actors with transition logic. An event is handled within `send`, unless its actor is handling one already: there is no
 * queue between actors to speak of, no bound, no fairness and no ask, so a question carries a callback.
 */
export class XstateKit implements Kit<TransitionActor<Add>, TransitionActor<Increment>> {
  readonly #actors: { stop(): unknown }[] = [];

  spawn(receive: (message: Add) => void, begun?: () => void): TransitionActor<Add> {
    return this.#start<Add>(receive, begun);
  }

  tell(to: TransitionActor<Add>, message: Add): void {
    to.send(message);
  }

  spawnAnswerer(): TransitionActor<Increment> {
    return this.#start<Increment>(({ value, reply }) => reply(value + 1));
  }

  ask(answerer: TransitionActor<Increment>, value: number): Promise<number> {
    return new Promise((reply) => answerer.send({ type: 'increment', value, reply }));
  }

  end(): void {
    for (const actor of this.#actors.splice(0)) actor.stop();
  }

  #start<E extends EventObject>(receive: (event: E) => void, begun?: () => void): TransitionActor<E> {
    const logic = fromTransition<number, E, never, undefined>(
      (handled, event) => {
        if (event.type !== STOP) receive(event);
        return handled + 1;
      },
      () => {
        begun?.();
        return 0;
      },
    );
    const actor = createActor(logic).start() as TransitionActor<E>;
    this.#actors.push(actor);
    return actor;
  }
}
