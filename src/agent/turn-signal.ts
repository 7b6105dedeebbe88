import { type Clock, type Timer, TroupeError } from '../core/index.ts';
import type { Delivery } from './delivery.ts';

/**
 * When a turn must stop: its activation ends, nobody waits for it any more, or its deadline passes. The signal itself is made when somebody
 * first asks for it: most turns are over before it could fire.
 */
export class TurnSignal {
  readonly #actor: { readonly signal: AbortSignal };
  readonly #delivery: Pick<Delivery, 'deadlineAt' | 'signal' | 'cancelledBy'>;
  readonly #clock: Clock;
  #signal: AbortSignal | undefined;
  #deadline: Timer | undefined;

  constructor(
    actor: { readonly signal: AbortSignal },
    delivery: Pick<Delivery, 'deadlineAt' | 'signal' | 'cancelledBy'>,
    clock: Clock,
  ) {
    this.#actor = actor;
    this.#delivery = delivery;
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#actor.signal, this.#delivery.signal, this.#limit()]);
    return this.#signal;
  }

  /** Why the turn must stop now; undefined while it needn't. */
  get reason(): unknown {
    const { signal } = this.#actor;
    if (signal.aborted) return signal.reason;
    if (this.#delivery.cancelledBy !== undefined) return this.#delivery.cancelledBy;
    return this.remainingMs() === 0 ? late() : undefined;
  }

  remainingMs(): number {
    return Math.max(0, this.#delivery.deadlineAt - this.#clock.monotonic());
  }

  /** Nothing waits for the deadline any more. */
  close(): void {
    this.#deadline?.cancel();
  }

  #limit(): AbortSignal {
    const limit = new AbortController();
    const leftMs = this.remainingMs();
    if (leftMs === 0) limit.abort(late());
    else if (leftMs < Number.POSITIVE_INFINITY) {
      this.#deadline = this.#clock.schedule(leftMs, () => limit.abort(late()));
    }
    return limit.signal;
  }
}

function late(): TroupeError {
  return new TroupeError('TIMEOUT', 'the deadline of the turn passed');
}
