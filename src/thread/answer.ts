import type { ReplyTo } from '../actor/index.ts';
import type { TroupeError } from '../core/index.ts';

/** A place for an answer on the other side. */
export class Answer implements ReplyTo<unknown> {
  readonly deadline: number;
  readonly #send: (answered: { readonly value: unknown } | { readonly error: unknown }) => void;
  #open = true;
  readonly #abort: AbortController = new AbortController();

  constructor(deadline: number, send: (answered: { readonly value: unknown } | { readonly error: unknown }) => void) {
    this.deadline = deadline;
    this.#send = send;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly tell = (value: unknown): boolean => this.#settle(() => this.#send({ value }));

  readonly fail = (error: unknown): boolean => this.#settle(() => this.#send({ error }));

  /** The asker no longer waits. */
  lose(error: TroupeError): void {
    this.#settle(() => this.#abort.abort(error));
  }

  #settle(act: () => void): boolean {
    if (!this.#open) return false;
    this.#open = false;
    act();
    return true;
  }
}

/** Where the answer goes of an asker who has long stopped waiting. */
export const FORGOTTEN: ReplyTo<unknown> = new Answer(0, () => undefined);
