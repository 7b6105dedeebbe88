// Original file: proto/troupe/v1/api.proto

export const VoterChange = {
  VOTER_CHANGE_UNSPECIFIED: 'VOTER_CHANGE_UNSPECIFIED',
  VOTER_CHANGE_ADD: 'VOTER_CHANGE_ADD',
  VOTER_CHANGE_ADD_LEARNER: 'VOTER_CHANGE_ADD_LEARNER',
  VOTER_CHANGE_PROMOTE: 'VOTER_CHANGE_PROMOTE',
  VOTER_CHANGE_REMOVE: 'VOTER_CHANGE_REMOVE',
} as const;

export type VoterChange =
  | 'VOTER_CHANGE_UNSPECIFIED'
  | 0
  | 'VOTER_CHANGE_ADD'
  | 1
  | 'VOTER_CHANGE_ADD_LEARNER'
  | 2
  | 'VOTER_CHANGE_PROMOTE'
  | 3
  | 'VOTER_CHANGE_REMOVE'
  | 4

export type VoterChange__Output = typeof VoterChange[keyof typeof VoterChange]
