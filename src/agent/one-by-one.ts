import type { Clock } from '../core/index.ts';

/**
 * Lets what the steps of a turn came to reach its handler in the order in which the journal has it, and one at a time: after each the handler goes on as
 * far as it can. A replay does the same, so that it meets branches side by side in the order in which they were, and steps that share
 * a name count up alike. Without that, of two results that are recorded together the second could be seen first, and what its branch does next
 * would have a number that the other branch takes when the turn runs again.
 */
export class OneByOne {
  readonly #clock: Clock;
  /** Resolves when the handler has gone on from the last result; undefined when it has. */
  #last: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits until a result may reach the handler. Call it in the order of the records.
   *
   * @param kept what has to be durable before that
   * @param alone whether no other step is under way, so that no other result can come before the handler has gone on
   * @returns undefined when there is nothing to wait for
   * @throws what `kept` does
   */
  next(kept: Promise<void> | undefined, alone: boolean): Promise<void> | undefined {
    const before = this.#last;
    if (alone && kept === undefined && before === undefined) return undefined;
    const reached = before === undefined ? Promise.resolve(kept) : before.then(() => kept);
    const last = reached
      .catch(() => undefined)
      .then(() => new Promise<void>((resolve) => this.#clock.yieldThen(resolve)))
      .then(() => {
        if (this.#last === last) this.#last = undefined;
      });
    this.#last = last;
    return reached;
  }
}
