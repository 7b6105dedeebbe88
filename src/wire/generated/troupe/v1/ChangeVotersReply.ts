// Original file: proto/troupe/v1/api.proto

import type { Members as _troupe_v1_Members, Members__Output as _troupe_v1_Members__Output } from '../../troupe/v1/Members.ts';

export interface ChangeVotersReply {
  'changed'?: (boolean);
  'members'?: (_troupe_v1_Members | null);
}

export interface ChangeVotersReply__Output {
  'changed'?: (boolean);
  'members'?: (_troupe_v1_Members__Output);
}
