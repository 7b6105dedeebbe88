// Original file: proto/troupe/v1/api.proto

import type { HeldPlace as _troupe_v1_HeldPlace, HeldPlace__Output as _troupe_v1_HeldPlace__Output } from '../../troupe/v1/HeldPlace.ts';

export interface ListHeldRequest {
  'after'?: (_troupe_v1_HeldPlace | null);
  'limit'?: (number);
  '_after'?: "after";
}

export interface ListHeldRequest__Output {
  'after'?: (_troupe_v1_HeldPlace__Output);
  'limit'?: (number);
  '_after'?: "after";
}
