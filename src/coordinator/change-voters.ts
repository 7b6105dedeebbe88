import type { NodeId } from '../core/index.ts';
import type { Members } from './commands.ts';

/** What is to become of a node: a voter, only a learner, a voter that was a learner, neither, or, as a voter, the leader. */
export type VoterChange = 'add' | 'addLearner' | 'promote' | 'remove' | 'lead';

/** What a change of the voters came to. */
export interface VotersChanged {
  /** False when it had been so before. */
  readonly changed: boolean;
  readonly members: Members;
}

/**
 * Changes who votes, while the cluster works; whichever node is asked. Resolves when the change holds; repeating one that was made
 * is harmless.
 *
 * @param timeoutMs how long it may take, a new voter's catching up included
 * @throws TroupeError NOT_FOUND when there is no such node, or it isn't up; INVALID_ARGUMENT (a spot node, the last voter, too few
 * that would be left alive, a log that isn't kept by nodes); NOT_CAUGHT_UP when the time is over before the node is; NO_QUORUM when no
 * leader is known; TIMEOUT and others that are retryable when the outcome isn't known
 */
export type ChangeVoters = (change: VoterChange, node: NodeId, timeoutMs: number) => Promise<VotersChanged>;
