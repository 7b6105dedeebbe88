import { sameNode, type Waiter } from '../cluster/index.ts';
import type { AgentAddress, Clock, NodeRef, ShardId, Timer, TroupeError } from '../core/index.ts';
import type { Loan } from '../model/index.ts';
import type { Envelope, Spending } from '../remote/index.ts';
import type { AskingTurn } from './delivery.ts';

/** Called with what comes back for an ask. */
type Answered = (
  ask: OpenAsk,
  reply: Uint8Array | undefined,
  error: TroupeError | undefined,
  spent: Spending | undefined,
) => void;

/** One ask that waits for its answer. */
export class OpenAsk implements Waiter {
  readonly address: AgentAddress;
  readonly envelope: Envelope;
  /** Monotonic ms. */
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly #answered: Answered;
  /** The message in whose turn it was made. */
  readonly asker: AskingTurn | undefined;
  /** What was handed to whoever answers. */
  readonly loan: Loan | undefined;
  /** Its neighbours in the row of asks with the same time limit. */
  sooner: OpenAsk | undefined;
  later: OpenAsk | undefined;
  row: Row | undefined;
  /** Where the reply comes in; 0 while none is awaited. */
  correlation = 0;
  shard: ShardId | undefined;
  /** Who owned its shard when it was sent: the first life that the message, or its answer, may be with. */
  sentTo: NodeRef | undefined;
  /** The owners since. */
  movedTo: NodeRef[] | undefined;
  /** Epoch of the last of them. */
  epoch = 0;
  resend: Timer | undefined;

  /** @param answered called with what comes back, and this ask */
  constructor(
    answered: Answered,
    address: AgentAddress,
    envelope: Envelope,
    nowMs: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    loan: Loan | undefined,
    asker: AskingTurn | undefined,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#answered = answered;
    this.address = address;
    this.envelope = envelope;
    this.deadlineAt = nowMs + timeoutMs;
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.loan = loan;
    this.asker = asker;
    this.resolve = resolve;
    this.reject = reject;
  }

  settle(reply: Uint8Array | undefined, error: TroupeError | undefined, spent?: Spending): void {
    this.#answered(this, reply, error, spent);
  }

  /** Whether the message, or its answer, may be with one of these lives. */
  mayBeWith(lives: readonly NodeRef[]): boolean {
    return lives.some(
      (life) => sameNode(this.sentTo, life) || (this.movedTo?.some((owner) => sameNode(owner, life)) ?? false),
    );
  }
}

/** Asks of one and the same time limit: in order of asking they are also in order of deadline, so one timer serves all. */
interface Row {
  first: OpenAsk | undefined;
  last: OpenAsk | undefined;
  timer: Timer;
}

/** All asks that wait, in rows by time limit. */
export class OpenAsks {
  readonly #clock: Clock;
  readonly #expire: (ask: OpenAsk) => void;
  readonly #rows: Map<number, Row> = new Map();
  size = 0;

  /** @param expire called when the deadline of an ask has passed; it removes the ask */
  constructor(clock: Clock, expire: (ask: OpenAsk) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  add(ask: OpenAsk): void {
    const { timeoutMs } = ask;
    let row = this.#rows.get(timeoutMs);
    if (row === undefined) {
      row = { first: undefined, last: undefined, timer: this.#clock.schedule(timeoutMs, () => this.#look(timeoutMs)) };
      this.#rows.set(timeoutMs, row);
    }
    ask.row = row;
    ask.sooner = row.last;
    if (row.last === undefined) row.first = ask;
    else row.last.later = ask;
    row.last = ask;
    this.size++;
  }

  /** @returns false when it was removed before */
  remove(ask: OpenAsk): boolean {
    const { row, sooner, later } = ask;
    if (row === undefined) return false;
    if (sooner === undefined) row.first = later;
    else sooner.later = later;
    if (later === undefined) row.last = sooner;
    else later.sooner = sooner;
    ask.row = undefined;
    ask.sooner = undefined;
    ask.later = undefined;
    this.size--;
    if (row.first !== undefined) return true;
    row.timer.cancel();
    this.#rows.delete(ask.timeoutMs);
    return true;
  }

  *[Symbol.iterator](): Generator<OpenAsk> {
    for (const row of this.#rows.values()) {
      for (let ask = row.first; ask !== undefined; ask = ask.later) yield ask;
    }
  }

  #look(timeoutMs: number): void {
    const row = this.#rows.get(timeoutMs);
    const now = this.#clock.monotonic();
    while (row?.first !== undefined && row.first.deadlineAt <= now) this.#expire(row.first);
    if (row?.first === undefined) return;
    row.timer = this.#clock.schedule(Math.max(1, Math.ceil(row.first.deadlineAt - now)), () => this.#look(timeoutMs));
  }
}
