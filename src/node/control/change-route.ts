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

/** How a change of the voters reaches the leader. */
export interface ChangeRoute {
  readonly leader: () => NodeId | undefined;
  /** Asks a voter to make the change, as the leader. */
  readonly ask: (leader: NodeId, ...change: Parameters<ChangeVoters>) => Promise<VotersChanged>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Makes changes of the voters wherever the leader is, and goes on with the next one when it is lost. */
export function routeChanges({ leader, ask, clock, random }: ChangeRoute): ChangeVoters {
  return async (change, node, timeoutMs) => {
    const deadline = clock.monotonic() + timeoutMs;
    let tried = false;
    for (let attempt = 0; ; attempt++) {
      let error = new TroupeError('NO_QUORUM', 'no leader is known');
      const to = leader();
      if (to !== undefined) {
        try {
          const done = await ask(to, change, node, deadline - clock.monotonic());
          return { ...done, changed: done.changed || tried };
        } catch (thrown) {
          error = asTroupeError(thrown, 'INVARIANT_VIOLATED');
          if (!AGAIN.includes(error.code)) throw error;
          // What was under way may have been done.
          tried ||= error.code !== 'NOT_LEADER';
        }
      }
      const pauseMs = backoffMs(RETRY, attempt, random);
      if (clock.monotonic() + pauseMs >= deadline) throw error;
      await delay(clock, pauseMs);
    }
  };
}
