import type { ActorCell } from '../actor-cell.ts';
import { openAsk } from '../ask.ts';
import type { AskOptions, ReplyTo, Route } from '../ref.ts';
import type { Routees } from './routees.ts';

/** Says which of the actors, at least one, gets a message. */
export type Choice<M> = (cells: readonly ActorCell<M>[], message: M) => ActorCell<M>;

/**
 * Sends each message to one of its routees. It isn't an actor: it has no mailbox and runs in the sender's turn, so order
 * is kept per sender and routee. Everything else is as with the routee's own ref.
 */
export class Router<M> implements Route<M> {
  readonly path: string;
  readonly #routees: Routees<M>;
  readonly #choose: Choice<M>;

  /** @param path for people and logs */
  constructor(path: string, routees: Routees<M>, choose: Choice<M>) {
    this.path = path;
    this.#routees = routees;
    this.#choose = choose;
  }

  /** Who gets this message: a living one, while there is one. */
  routeOf(message: M): ActorCell<M> {
    for (;;) {
      const cell = this.#choose(this.#routees.cells, message);
      if (!cell.closed || cell.forwards || !this.#routees.remove(cell)) return cell;
    }
  }

  tell(message: M): boolean {
    return this.routeOf(message).tell(message);
  }

  ask<R>(makeMessage: (reply: ReplyTo<R>) => M, options?: AskOptions): Promise<R> {
    return openAsk(this.#routees.cells[0]!, makeMessage, options, this);
  }

  async offer(message: M): Promise<void> {
    return this.routeOf(message).offer(message);
  }
}
