// Original file: proto/troupe/v1/api.proto

import type { ScaledPool as _troupe_v1_ScaledPool, ScaledPool__Output as _troupe_v1_ScaledPool__Output } from '../../troupe/v1/ScaledPool.ts';

export interface GetScaleReply {
  'pools'?: (_troupe_v1_ScaledPool)[];
}

export interface GetScaleReply__Output {
  'pools'?: (_troupe_v1_ScaledPool__Output)[];
}
