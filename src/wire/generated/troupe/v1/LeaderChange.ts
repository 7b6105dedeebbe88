// Original file: proto/troupe/v1/api.proto

import type { Leader as _troupe_v1_Leader, Leader__Output as _troupe_v1_Leader__Output } from '../../troupe/v1/Leader.ts';

export interface LeaderChange {
  'leader'?: (_troupe_v1_Leader | null);
  '_leader'?: "leader";
}

export interface LeaderChange__Output {
  'leader'?: (_troupe_v1_Leader__Output);
  '_leader'?: "leader";
}
