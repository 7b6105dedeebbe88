import { asTroupeError, backoffMs, type Clock, delay, type Random, TroupeError } from '../../core/index.ts';
import { encodeAction, encodeQueries, readReply } from '../codec.ts';
import type { QueryName } from '../commands.ts';
import type { ClientLimits } from '../limits.ts';
import type { CallOptions } from '../port.ts';
import { bounded } from './bounded.ts';
import type { Deliver, Route } from './sender.ts';

interface Question {
  readonly action: Uint8Array;
  /** Monotonic time at which its caller gives up, ms. */
  readonly deadline: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks queries. Those of one turn travel together, and are asked again together until an answer comes or the time is over. */
export class QuerySender {
  readonly #deliver: Deliver;
  readonly #route: Route;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: ClientLimits;
  /** Those of this turn: linearizable ones, and those that may be stale. */
  readonly #fresh: Record<'linearizable' | 'stale', Question[]> = { linearizable: [], stale: [] };
  readonly #closing: AbortController = new AbortController();
  #asked = 0;

  constructor(deliver: Deliver, route: Route, clock: Clock, random: Random, limits: ClientLimits) {
    this.#deliver = deliver;
    this.#route = route;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
  }

  /** @throws TroupeError the ledger's refusal, TIMEOUT, OVERLOADED, CANCELLED, SHUTTING_DOWN, or what the last try met */
  async ask(name: QueryName, request: unknown, options: CallOptions & { readonly stale?: boolean }): Promise<unknown> {
    const { timeoutMs = this.#limits.timeoutMs, signal, stale = false } = options;
    this.#closing.signal.throwIfAborted();
    if (this.#asked >= this.#limits.callsInFlightMax) throw new TroupeError('OVERLOADED', 'too many queries in flight');
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const together = this.#fresh[stale ? 'stale' : 'linearizable'];
    const deadline = this.#clock.monotonic() + timeoutMs;
    const question = { action: encodeAction(name, request), deadline, resolve, reject };
    this.#asked++;
    if (together.push(question) === 1) queueMicrotask(() => this.#flush(stale));
    try {
      return await bounded(promise, this.#clock, timeoutMs, signal);
    } finally {
      this.#asked--;
    }
  }

  /** Fails everything that waits with SHUTTING_DOWN. */
  close(): void {
    this.#closing.abort(new TroupeError('SHUTTING_DOWN', 'the client is closed'));
  }

  #flush(stale: boolean): void {
    const together = this.#fresh[stale ? 'stale' : 'linearizable'].splice(0);
    const { batchCommandsMax } = this.#limits;
    for (let at = 0; at < together.length; at += batchCommandsMax) {
      void this.#askTogether(together.slice(at, at + batchCommandsMax), stale);
    }
  }

  async #askTogether(questions: readonly Question[], stale: boolean): Promise<void> {
    const body = encodeQueries(
      stale,
      questions.map(({ action }) => action),
    );
    const until = Math.max(...questions.map(({ deadline }) => deadline));
    const failAll = (error: unknown): void => {
      for (const { reject } of questions) reject(error);
    };
    for (let attempt = 0; ; attempt++) {
      if (this.#closing.signal.aborted) return failAll(this.#closing.signal.reason);
      const { target } = this.#route;
      try {
        const replies = await this.#deliver(body, undefined);
        for (const [i, { resolve, reject }] of questions.entries()) {
          const answer = readReply(replies[i]);
          if ('reply' in answer) resolve(answer.reply);
          else reject(answer.refusal);
        }
        return;
      } catch (thrown) {
        const error = asTroupeError(thrown, 'PROTOCOL_VIOLATION');
        if (!error.retryable || this.#clock.monotonic() >= until) return failAll(error);
        if (this.#route.failed(target, error)) continue;
        const policy = { minMs: this.#limits.retryMinMs, maxMs: this.#limits.retryMaxMs, jitter: 0.5 };
        await delay(this.#clock, backoffMs(policy, attempt, this.#random), this.#closing.signal);
      }
    }
  }
}
