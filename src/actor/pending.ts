/** How a handler or a hook ended badly. */
export interface Crash {
  readonly error: unknown;
}

/** Who waits for something pending. */
interface Waiter {
  handled(crash: Crash | undefined): void;
}

/**
 * The handling of one message that goes on after `receive` has returned, and says itself when it is over. To the kernel it is what a
 * promise is, without the promise, its reactions and their closures: for rooms that keep very many actors waiting. Whoever else awaits
 * it may.
 */
export abstract class Pending implements PromiseLike<undefined> {
  #waiter: Waiter | undefined;
  /** How it ended; null is well. */
  #end: Crash | null | undefined;

  /** The message is done with. Call it, or `crashed`, once. */
  done(): void {
    this.#end = null;
    this.#waiter?.handled(undefined);
  }

  /** The handler has crashed on the message. */
  crashed(error: unknown): void {
    this.#end = { error };
    this.#waiter?.handled(this.#end);
  }

  /** For `receive` to return: itself, or nothing when it is over already. @throws what it has crashed with by then */
  get outcome(): Pending | undefined {
    if (this.#end === undefined) return this;
    if (this.#end !== null) throw this.#end.error;
    return undefined;
  }

  /** Calls the waiter when it is over, at once if it is. */
  awaitedBy(waiter: Waiter): void {
    const before = this.#waiter;
    if (this.#end !== undefined) waiter.handled(this.#end ?? undefined);
    else if (before === undefined) this.#waiter = waiter;
    else {
      this.#waiter = {
        handled: (crash) => {
          before.handled(crash);
          waiter.handled(crash);
        },
      };
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise to whoever doesn't know better
  then<Done = undefined, Crashed = never>(
    onDone?: ((value: undefined) => Done | PromiseLike<Done>) | null,
    onCrashed?: ((error: unknown) => Crashed | PromiseLike<Crashed>) | null,
  ): Promise<Done | Crashed> {
    const over = Promise.withResolvers<undefined>();
    this.awaitedBy({ handled: (crash) => (crash === undefined ? over.resolve(undefined) : over.reject(crash.error)) });
    return over.promise.then(onDone, onCrashed);
  }
}
