import type { ChangeVoters, VotersChanged } from '../../coordinator/index.ts';
import {
  asTroupeError,
  backoffMs,
  type Clock,
  delay,
  type ErrorCode,
  type NodeId,
  type Random,
  TroupeError,
} from '../../core/index.ts';

const RETRY = { minMs: 20, maxMs: 500, jitter: 0.3 } as const;
/** After these the present leader, or the next one, may do it: the steps of a change can be repeated. */
const AGAIN: readonly ErrorCode[] = ['NOT_LEADER', 'NODE_UNAVAILABLE', 'SHUTTING_DOWN', 'TIMEOUT', 'PROPOSAL_DROPPED'];

/** How what only the leader can do reaches it. */
export interface LeaderRoute {
  readonly leader: () => NodeId | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Asks the leader, wherever it is, and the next one when it is lost.
 *
 * @param ask asks a voter, as the leader; `failed` hears what is tried again
 * @throws TroupeError NO_QUORUM while no leader is known, and what the last one said
 */
export async function askLeader<T>(
  { leader, clock, random }: LeaderRoute,
  timeoutMs: number,
  ask: (leader: NodeId, leftMs: number) => Promise<T>,
  failed: (error: TroupeError) => void = () => undefined,
): Promise<T> {
  const deadline = clock.monotonic() + timeoutMs;
  for (let attempt = 0; ; attempt++) {
    let error = new TroupeError('NO_QUORUM', 'no leader is known');
    const to = leader();
    if (to !== undefined) {
      try {
        return await ask(to, deadline - clock.monotonic());
      } catch (thrown) {
        error = asTroupeError(thrown, 'INVARIANT_VIOLATED');
        if (!AGAIN.includes(error.code)) throw error;
        failed(error);
      }
    }
    const pauseMs = backoffMs(RETRY, attempt, random);
    if (clock.monotonic() + pauseMs >= deadline) throw error;
    await delay(clock, pauseMs);
  }
}

/** How a change of the voters reaches the leader. */
export interface ChangeRoute extends LeaderRoute {
  /** Asks a voter to make the change, as the leader. */
  readonly ask: (leader: NodeId, ...change: Parameters<ChangeVoters>) => Promise<VotersChanged>;
}

/** Makes changes of the voters wherever the leader is, and goes on with the next one when it is lost. */
export function routeChanges({ ask, ...route }: ChangeRoute): ChangeVoters {
  return async (change, node, timeoutMs) => {
    // What was under way when a leader was lost may have been done.
    let tried = false;
    const done = await askLeader(
      route,
      timeoutMs,
      (leader, leftMs) => ask(leader, change, node, leftMs),
      (error) => {
        tried ||= error.code !== 'NOT_LEADER';
      },
    );
    return { ...done, changed: done.changed || tried };
  };
}
