// Original file: proto/troupe/v1/api.proto

import type { PositionRange as _troupe_v1_PositionRange, PositionRange__Output as _troupe_v1_PositionRange__Output } from '../../troupe/v1/PositionRange.ts';

export interface WatchJobRequest {
  'id'?: (string);
  'seen'?: (_troupe_v1_PositionRange)[];
}

export interface WatchJobRequest__Output {
  'id'?: (string);
  'seen'?: (_troupe_v1_PositionRange__Output)[];
}
