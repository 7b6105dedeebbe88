// Original file: proto/troupe/v1/api.proto

import type { HeldPlace as _troupe_v1_HeldPlace, HeldPlace__Output as _troupe_v1_HeldPlace__Output } from '../../troupe/v1/HeldPlace.ts';
import type { Ruling as _troupe_v1_Ruling, Ruling__Output as _troupe_v1_Ruling__Output } from '../../troupe/v1/Ruling.ts';

export interface ResolveHeldRequest {
  'place'?: (_troupe_v1_HeldPlace | null);
  'ruling'?: (_troupe_v1_Ruling | null);
}

export interface ResolveHeldRequest__Output {
  'place'?: (_troupe_v1_HeldPlace__Output);
  'ruling'?: (_troupe_v1_Ruling__Output);
}
