export type { Proposed } from './leader.ts';
export {
  decodeConfiguration,
  encodeConfiguration,
  enterJoint,
  flawOf,
  isSimple,
  leaveJoint,
  type MembershipChange,
  simple,
} from './membership.ts';
export { RaftNode } from './node.ts';
export type { RaftOptions } from './options.ts';
export type { Progress } from './progress.ts';
export { isVoter, membersOf, quorumIndex, type VoteResult, voteResult, votersOf } from './quorum.ts';
export * from './types.ts';
export { entryBytes } from './unstable.ts';
