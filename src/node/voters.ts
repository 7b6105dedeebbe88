import type { ApiClient } from '../api/index.ts';
import type { VotersChanged } from '../coordinator/index.ts';

/** How long a change may take. */
export interface VotersOptions {
  /** Default 60,000. A new voter's catching up counts. */
  readonly timeoutMs?: number;
}

/**
 * Who votes, changed while the cluster works. Repeating what was done is harmless: `changed` is false then. Errors are those of
 * `ChangeVoters`.
 */
export interface ClusterVoters {
  /** A running node becomes a voter as soon as it has caught up; with `learner` it learns the log, and that is all. */
  add(node: string, options?: VotersOptions & { readonly learner?: boolean }): Promise<VotersChanged>;
  /** A learner becomes a voter as soon as it has caught up. */
  promote(node: string, options?: VotersOptions): Promise<VotersChanged>;
  /** A voter or learner, dead or alive, keeps the log no longer; if it lives it goes on as a worker. */
  remove(node: string, options?: VotersOptions): Promise<VotersChanged>;
  /** The leadership goes to this voter, without a pause that clients would take for an outage. */
  lead(node: string, options?: VotersOptions): Promise<VotersChanged>;
}

/** The voters of the cluster that a client reaches. */
export function votersOver({ changeVoters }: Pick<ApiClient, 'changeVoters'>): ClusterVoters {
  return {
    add: (node, { learner = false, timeoutMs } = {}) => changeVoters(learner ? 'addLearner' : 'add', node, timeoutMs),
    promote: (node, { timeoutMs } = {}) => changeVoters('promote', node, timeoutMs),
    remove: (node, { timeoutMs } = {}) => changeVoters('remove', node, timeoutMs),
    lead: (node, { timeoutMs } = {}) => changeVoters('lead', node, timeoutMs),
  };
}
