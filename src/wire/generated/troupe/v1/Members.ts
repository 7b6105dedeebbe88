// Original file: proto/troupe/v1/api.proto

import type { LogMember as _troupe_v1_LogMember, LogMember__Output as _troupe_v1_LogMember__Output } from '../../troupe/v1/LogMember.ts';

export interface Members {
  'voters'?: (_troupe_v1_LogMember)[];
  'learners'?: (_troupe_v1_LogMember)[];
}

export interface Members__Output {
  'voters'?: (_troupe_v1_LogMember__Output)[];
  'learners'?: (_troupe_v1_LogMember__Output)[];
}
