/** The client's side of a session: numbers for its commands, and which of them are over. */
export class Session {
  readonly id: number;
  readonly #window: number;
  #next = 1;
  /** The lowest number that isn't over. */
  #lowest = 1;
  /** Numbers above the lowest that are over. */
  readonly #over: Set<number> = new Set();

  constructor(id: number, window: number) {
    this.id = id;
    this.#window = window;
  }

  /** Whether there is a number left in the window. */
  get room(): boolean {
    return this.#next - this.#lowest < this.#window;
  }

  /** All commands up to this number are over: the ledger may drop their replies. */
  get acked(): number {
    return this.#lowest - 1;
  }

  /** A number for a new command. */
  take(): number {
    return this.#next++;
  }

  /** The command's reply has arrived, or nobody wants it any more. */
  finish(seq: number): void {
    this.#over.add(seq);
    while (this.#over.delete(this.#lowest)) this.#lowest++;
  }
}
