// Original file: proto/troupe/v1/api.proto

import type { VoterChange as _troupe_v1_VoterChange, VoterChange__Output as _troupe_v1_VoterChange__Output } from '../../troupe/v1/VoterChange.ts';

export interface ChangeVotersRequest {
  'change'?: (_troupe_v1_VoterChange);
  'node'?: (string);
}

export interface ChangeVotersRequest__Output {
  'change'?: (_troupe_v1_VoterChange__Output);
  'node'?: (string);
}
