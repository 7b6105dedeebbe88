import type { Random } from './random.ts';

/** Exponential backoff with jitter. */
export interface BackoffPolicy {
  /** Delay before the first retry, ms. */
  readonly minMs: number;
  /** Upper bound of the delay, ms. */
  readonly maxMs: number;
  /** Share of the delay that is random, 0 to 1: 0.2 gives 90 % to 110 %. */
  readonly jitter: number;
}

/**
 * Delay before retry number `attempt` (0 for the first), ms: `minMs * 2^attempt`, capped, then jittered.
 */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const raw = Math.min(policy.maxMs, policy.minMs * 2 ** Math.min(attempt, 30));
  return raw * (1 + policy.jitter * (random.next() - 0.5));
}
