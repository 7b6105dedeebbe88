// Original file: proto/troupe/v1/api.proto

import type { HeldTurn as _troupe_v1_HeldTurn, HeldTurn__Output as _troupe_v1_HeldTurn__Output } from '../../troupe/v1/HeldTurn.ts';

export interface ListHeldReply {
  'held'?: (_troupe_v1_HeldTurn)[];
}

export interface ListHeldReply__Output {
  'held'?: (_troupe_v1_HeldTurn__Output)[];
}
