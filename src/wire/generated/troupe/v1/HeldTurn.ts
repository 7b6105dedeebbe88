// Original file: proto/troupe/v1/api.proto

import type { HeldPlace as _troupe_v1_HeldPlace, HeldPlace__Output as _troupe_v1_HeldPlace__Output } from '../../troupe/v1/HeldPlace.ts';
import type { Ruling as _troupe_v1_Ruling, Ruling__Output as _troupe_v1_Ruling__Output } from '../../troupe/v1/Ruling.ts';
import type { Long } from '@grpc/proto-loader';

export interface HeldTurn {
  'place'?: (_troupe_v1_HeldPlace | null);
  'requestId'?: (string);
  'step'?: (string);
  'idempotencyKey'?: (string);
  'heldAtUnixMs'?: (number | string | Long);
  'ruling'?: (_troupe_v1_Ruling | null);
  'over'?: (boolean);
  'reason'?: (string);
  '_ruling'?: "ruling";
}

export interface HeldTurn__Output {
  'place'?: (_troupe_v1_HeldPlace__Output);
  'requestId'?: (string);
  'step'?: (string);
  'idempotencyKey'?: (string);
  'heldAtUnixMs'?: (number);
  'ruling'?: (_troupe_v1_Ruling__Output);
  'over'?: (boolean);
  'reason'?: (string);
  '_ruling'?: "ruling";
}
