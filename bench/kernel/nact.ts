import { type ActorSystemRef, dispatch, query, type Ref, spawn, spawnStateless, start, stop } from 'nact';
import { type Add, ASK_MS, type Kit } from './kit.ts';

interface Increment {
  readonly value: number;
  readonly reply: Ref<number>;
}

/** Names are numbered, since of those that nact makes up by chance some are equal among 100,000. */
export class NactKit implements Kit<Ref<Add>, Ref<Increment>> {
  readonly #system: ActorSystemRef = start();
  #spawned = 0;

  spawn(receive: (message: Add) => void, begun?: () => void): Ref<Add> {
    const initial = begun === undefined ? {} : { initialStateFunc: () => begun() as undefined };
    return spawn(
      this.#system,
      (_: undefined, message: Add): undefined => receive(message) as undefined,
      this.#name(),
      initial,
    );
  }

  tell(to: Ref<Add>, message: Add): void {
    dispatch(to, message);
  }

  spawnAnswerer(): Ref<Increment> {
    return spawnStateless(this.#system, ({ value, reply }: Increment) => dispatch(reply, value + 1), this.#name());
  }

  ask(answerer: Ref<Increment>, value: number): Promise<number> {
    return query(answerer, (reply: Ref<number>) => ({ value, reply }), ASK_MS);
  }

  spawnParent(children: number, gone: () => void): Ref<Add> {
    const parent = spawnStateless(
      this.#system,
      (_: Add, ctx) => stop(spawn(ctx.self, () => undefined, this.#name(), { afterStop: gone })),
      this.#name(),
    );
    for (let n = 0; n < children; n++) spawnStateless(parent, () => undefined, this.#name());
    return parent;
  }

  end(): void {
    stop(this.#system);
  }

  #name(): string {
    return `actor-${++this.#spawned}`;
  }
}
