import {
  asTroupeError,
  backoffMs,
  type Clock,
  delay,
  type Logger,
  type NodeId,
  type Random,
  TroupeError,
} from '../../core/index.ts';
import type { MembershipChange } from '../../raft/consensus/index.ts';
import type { RaftMember } from '../../raft/driver/index.ts';
import type { VoterChange, VotersChanged } from '../change-voters.ts';
import type { ClusterView, Members, NodeRecord } from '../commands.ts';
import { membersIn } from './log.ts';
import type { MemberId } from './member-id.ts';

/** Pause before a change is looked at again. A new voter catches up meanwhile. */
const RETRY = { minMs: 20, maxMs: 200, jitter: 0.3 } as const;
/** Voters and learners together; more make every commit slower and nothing safer. */
export const MEMBERS_MAX = 15;

const NOTHING = new Uint8Array(0);

/** What a leader changes its members with. */
export interface ChangeParts {
  readonly member: RaftMember;
  /** Nodes as this member's ledger has them. */
  readonly view: () => ClusterView;
  /** Has a node open a log; it answers with its member, one of `known` if it still has that. */
  readonly admit: (node: NodeId, known: readonly MemberId[]) => Promise<MemberId>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What a leader does next for a change of the voters. */
export type ChangeStep =
  /** It is so. */
  | { readonly do: 'nothing' }
  /** The node opens a log first: which member it is decides what follows. */
  | { readonly do: 'admit'; readonly known: readonly MemberId[] }
  /** Another is to lead: the named one, or whoever has the most when this leader is the one to go. */
  | { readonly do: 'handOver'; readonly to?: MemberId }
  | { readonly do: 'change'; readonly change: MembershipChange };

/**
 * What comes next on the way to a change. Pure; asked again after each step, so that it goes on from whatever others did.
 *
 * @param self the leader
 * @param admitted the node's member, when it has been asked
 * @throws TroupeError as `ChangeVoters`
 */
export function nextStep(
  change: VoterChange,
  node: NodeId,
  self: MemberId,
  members: Members,
  nodes: readonly NodeRecord[],
  admitted: MemberId | undefined,
): ChangeStep {
  const voter = members.voters.find((each) => each.node === node)?.member;
  const learners = members.learners.filter((each) => each.node === node).map(({ member }) => member);
  const record = nodes.find((each) => each.node === node);
  if (record === undefined && voter === undefined && learners.length === 0) {
    throw new TroupeError('NOT_FOUND', `there is no node "${node}"`, { address: node });
  }
  if (change === 'remove') return removal(node, self, members, nodes);
  if (change === 'lead') {
    if (voter === undefined) {
      throw new TroupeError('INVALID_ARGUMENT', `${node} does not vote; only a voter can lead`, { address: node });
    }
    return voter === self ? { do: 'nothing' } : { do: 'handOver', to: voter };
  }
  if (voter !== undefined) {
    if (change !== 'addLearner') return { do: 'nothing' };
    throw new TroupeError('INVALID_ARGUMENT', `${node} votes; remove it first to make it a learner`, { address: node });
  }
  if (change === 'promote' && learners.length === 0) {
    const message = `${node} is no learner; make it one with troupe voters add ${node} --learner`;
    throw new TroupeError('INVALID_ARGUMENT', message, { address: node });
  }
  checkFit(node, record);
  if (admitted === undefined) {
    if (learners.length === 0 && members.voters.length + members.learners.length >= MEMBERS_MAX) {
      throw new TroupeError('INVALID_ARGUMENT', `the log is kept by ${MEMBERS_MAX} nodes already, which is the limit`);
    }
    return { do: 'admit', known: learners };
  }
  // A learner whose disk was lost makes place for the one that it is now.
  const remove = learners.filter((member) => member !== admitted);
  if (!learners.includes(admitted)) return { do: 'change', change: { learners: [admitted], remove } };
  return change === 'addLearner' ? { do: 'nothing' } : { do: 'change', change: { voters: [admitted] } };
}

function removal(node: NodeId, self: MemberId, members: Members, nodes: readonly NodeRecord[]): ChangeStep {
  const own = [...members.voters, ...members.learners].filter((each) => each.node === node);
  if (own.length === 0) return { do: 'nothing' };
  const remaining = members.voters.filter((each) => each.node !== node);
  if (remaining.length === 0) {
    const message = `${node} is the last voter: without it there is no cluster; add another voter first`;
    throw new TroupeError('INVALID_ARGUMENT', message, { address: node });
  }
  const dead = remaining.filter((voter) => !isAlive(nodes.find((each) => each.node === voter.node)));
  const alive = remaining.length - dead.length;
  if (members.voters.length > remaining.length && alive * 2 <= remaining.length) {
    const names = dead.map((each) => each.node).join(', ');
    const message = `without ${node} only ${alive} of ${remaining.length} voters would be up, which is no majority; bring ${names} back or remove it first`;
    throw new TroupeError('INVALID_ARGUMENT', message, { address: node });
  }
  if (own.some(({ member }) => member === self)) return { do: 'handOver' };
  return { do: 'change', change: { remove: own.map(({ member }) => member) } };
}

function checkFit(node: NodeId, record: NodeRecord | undefined): void {
  if (!isAlive(record)) throw new TroupeError('NOT_FOUND', `${node} is not up; start it first`, { address: node });
  if (record.state === 'draining') throw new TroupeError('INVALID_ARGUMENT', `${node} is leaving`, { address: node });
  if (record.labels.capacity === 'spot') {
    const message = 'a voter may not sit on spot capacity; choose a node that is on-demand';
    throw new TroupeError('INVALID_ARGUMENT', message, { address: node });
  }
}

function isAlive(record: NodeRecord | undefined): record is NodeRecord {
  return record !== undefined && record.state !== 'down' && record.state !== 'left';
}

/**
 * Makes a change on the member that leads, step by step until it holds.
 *
 * @throws TroupeError NOT_LEADER when this member doesn't lead, or no longer; else as `ChangeVoters`
 */
export async function changeVotersHere(
  parts: ChangeParts,
  change: VoterChange,
  node: NodeId,
  timeoutMs: number,
): Promise<VotersChanged> {
  const { member, clock, random, logger } = parts;
  const deadline = clock.monotonic() + timeoutMs;
  let admitted: MemberId | undefined;
  let changed = false;
  for (let attempt = 0; ; ) {
    const { role, id } = member.status;
    if (role !== 'leader') throw new TroupeError('NOT_LEADER', 'this voter does not lead');
    const members = membersIn(member.status.configuration);
    const step = nextStep(change, node, id, members, parts.view().nodes, admitted);
    if (step.do === 'nothing') return { changed, members };
    try {
      if (step.do === 'admit') admitted = await parts.admit(node, step.known);
      else if (step.do === 'handOver') {
        await member.transferLeadership(step.to);
        if (change === 'lead') return { changed: true, members };
      } else {
        await member.changeMembers(step.change);
        logger.info('members changed', { ...step.change });
        changed = true;
      }
      attempt = 0;
    } catch (thrown) {
      const error = asTroupeError(thrown, 'INVARIANT_VIOLATED');
      const pauseMs = backoffMs(RETRY, attempt++, random);
      if (!error.retryable || clock.monotonic() + pauseMs >= deadline) throw error;
      await delay(clock, pauseMs);
    }
  }
}

/**
 * Whether a member that is in the configuration no more may forget everything: asked of the leader. The others must never need
 * its vote again, so they must know, durably, that its removal is committed. A commit index becomes durable together with later
 * entries: when one more entry is committed after the removal, and another after that, a majority has written it down.
 *
 * @throws TroupeError NOT_LEADER, and what a proposal throws
 */
export async function mayForget(raft: RaftMember, member: MemberId): Promise<boolean> {
  const { role, configuration } = raft.status;
  if (role !== 'leader') throw new TroupeError('NOT_LEADER', 'this voter does not lead');
  const { voters, learners } = membersIn(configuration);
  if ([...voters, ...learners].some((each) => each.member === member)) return false;
  await raft.propose(NOTHING);
  await raft.propose(NOTHING);
  return true;
}
