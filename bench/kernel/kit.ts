/** What an actor is sent: an object made for each message, as programs do. */
export interface Add {
  readonly type: 'add';
  readonly value: number;
  /** Where a sampled message has its trace; here none is sampled. */
  readonly traceparent?: string;
}

/** An actor library, used as its documentation says. What it is made to do is in `work.ts`, the same for all. */
export interface Kit<Actor, Answerer> {
  /**
   * Starts an actor.
   * @param receive gets each message @param begun called when the actor has what it needs to handle messages
   */
  spawn(receive: (message: Add) => void, begun?: () => void): Actor;
  tell(to: Actor, message: Add): void;
  /** Starts an actor that answers a number with the next one. */
  spawnAnswerer(): Answerer;
  ask(answerer: Answerer, value: number): Promise<number>;
  /**
   * Starts an actor with idle children. For each message it starts another child, which ends at once.
   * @param gone called when such a child has ended
   */
  spawnParent?(children: number, gone: () => void): Actor;
  /** Ends all actors. */
  end(): Promise<void> | void;
}

/** The limit that every ask is given, ms. */
export const ASK_MS = 5_000;
