// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface PositionRange {
  'first'?: (number | string | Long);
  'last'?: (number | string | Long);
}

export interface PositionRange__Output {
  'first'?: (number);
  'last'?: (number);
}
