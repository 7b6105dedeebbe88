import type { NodeId } from '../../core/index.ts';
import type { Configuration } from './types.ts';

/** How an election stands: `lost` means that the votes still out can't win it. */
export type VoteResult = 'won' | 'lost' | 'pending';

/** The largest value that a majority of `voters` has reached. An empty set agrees to anything (Infinity). */
function majorityIndex(voters: readonly NodeId[], reached: (id: NodeId) => number): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  if (count === 1) return reached(voters[0]!);
  // Insertion sort, smallest first: sets are tiny, and this runs for each acknowledgement.
  const sorted: number[] = new Array(count).fill(0);
  for (let i = 0; i < count; i++) {
    const value = reached(voters[i]!);
    let at = i;
    while (at > 0 && sorted[at - 1]! > value) {
      sorted[at] = sorted[at - 1]!;
      at--;
    }
    sorted[at] = value;
  }
  return sorted[count - (Math.floor(count / 2) + 1)]!;
}

function majorityVote(voters: readonly NodeId[], vote: (id: NodeId) => boolean | undefined): VoteResult {
  const needed = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let refused = 0;
  for (const id of voters) {
    const cast = vote(id);
    if (cast === true) granted++;
    else if (cast === false) refused++;
  }
  if (voters.length === 0 || granted >= needed) return 'won';
  return voters.length - refused < needed ? 'lost' : 'pending';
}

/**
 * The largest value that a quorum has reached; with a joint configuration a majority of both sets (Raft dissertation,
 * section 4.3). Used for the commit index and for the round of a read.
 *
 * @param reached what a voter has reached; 0 when nothing is known of it
 * @returns Infinity when there are no voters at all
 */
export function quorumIndex(configuration: Configuration, reached: (id: NodeId) => number): number {
  const incoming = majorityIndex(configuration.voters, reached);
  const outgoing = configuration.votersOutgoing;
  return outgoing === undefined ? incoming : Math.min(incoming, majorityIndex(outgoing, reached));
}

/**
 * The result of a vote; with a joint configuration both sets must agree.
 *
 * @param vote what a voter has said; undefined while it hasn't
 */
export function voteResult(configuration: Configuration, vote: (id: NodeId) => boolean | undefined): VoteResult {
  const incoming = majorityVote(configuration.voters, vote);
  const outgoing = configuration.votersOutgoing;
  if (outgoing === undefined) return incoming;
  const other = majorityVote(outgoing, vote);
  if (incoming === other) return incoming;
  return incoming === 'lost' || other === 'lost' ? 'lost' : 'pending';
}

/** Whether a node votes in the configuration, in either set. */
export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return configuration.voters.includes(id) || (configuration.votersOutgoing?.includes(id) ?? false);
}

/** Every voter once, of both sets. */
export function votersOf(configuration: Configuration): NodeId[] {
  return [...new Set([...configuration.voters, ...(configuration.votersOutgoing ?? [])])];
}

/** Every member once: voters of both sets, and learners. */
export function membersOf(configuration: Configuration): NodeId[] {
  return [...new Set([...votersOf(configuration), ...(configuration.learners ?? [])])];
}
