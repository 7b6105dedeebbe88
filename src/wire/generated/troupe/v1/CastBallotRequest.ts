// Original file: proto/troupe/v1/api.proto

import type { Ballot as _troupe_v1_Ballot, Ballot__Output as _troupe_v1_Ballot__Output } from '../../troupe/v1/Ballot.ts';

export interface CastBallotRequest {
  'id'?: (string);
  'ballot'?: (_troupe_v1_Ballot | null);
}

export interface CastBallotRequest__Output {
  'id'?: (string);
  'ballot'?: (_troupe_v1_Ballot__Output);
}
