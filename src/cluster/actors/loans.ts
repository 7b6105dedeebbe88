import type { Ask, Lent, ReplyTo } from '../../actor/index.ts';
import type { Neighbour } from './neighbour.ts';

/** A place for an answer that may be let to another node: an ask of this one, or what was let to this one. */
export type Answerable = Ask | Borrowed;

/**
 * A place for an answer that another node may fill. It ends with that node's answer, which then is the ask's, or when the ask
 * ends otherwise: the other node is told so. An ask may be let several times; the first answer counts.
 */
export class Loan implements Lent {
  readonly correlation: number;
  readonly ask: Answerable;
  /** Whether the ask came with the message to an actor there, and so ends when that node does. */
  readonly own: boolean;
  readonly #holder: Neighbour;
  readonly #earlier: Lent | undefined;

  constructor(holder: Neighbour, correlation: number, ask: Answerable, own: boolean) {
    this.#holder = holder;
    this.correlation = correlation;
    this.ask = ask;
    this.own = own;
    this.#earlier = ask.lent;
    ask.lent = this;
  }

  askClosed(): void {
    this.#holder.takeBack(this);
    this.#earlier?.askClosed();
  }
}

/** The place of an answer that is awaited on another node. */
export class Borrowed implements ReplyTo<unknown> {
  readonly deadline: number;
  lent: Lent | undefined;
  readonly #lender: Neighbour;
  readonly #correlation: number;
  #open = true;
  #abort: AbortController | undefined;
  /** Why nobody waits any more, though nobody here has answered. */
  #lost: unknown;

  /** @param deadline when the asker gives up, monotonic ms of this node */
  constructor(lender: Neighbour, correlation: number, deadline: number) {
    this.#lender = lender;
    this.#correlation = correlation;
    this.deadline = deadline;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#lost !== undefined) this.#abort.abort(this.#lost);
    return this.#abort.signal;
  }

  tell(reply: unknown): boolean {
    if (!this.#close()) return false;
    this.#lender.answer(this.#correlation, reply);
    return true;
  }

  fail(error: unknown): boolean {
    if (!this.#close()) return false;
    this.#lender.refuse(this.#correlation, error);
    return true;
  }

  /** Nobody waits any more. */
  giveUp(error: unknown): void {
    if (!this.#close()) return;
    this.#lost = error;
    this.#abort?.abort(error);
  }

  #close(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#lender.borrowed.delete(this.#correlation);
    this.lent?.askClosed();
    return true;
  }
}

/** The place of an answer in a message that nobody handled: nobody waits. */
export const NOBODY: ReplyTo<unknown> = {
  tell: () => false,
  fail: () => false,
  deadline: 0,
  signal: AbortSignal.abort(),
};
