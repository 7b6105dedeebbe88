// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface HeldPlace {
  'kind'?: (string);
  'key'?: (string);
  'hold'?: (number | string | Long);
}

export interface HeldPlace__Output {
  'kind'?: (string);
  'key'?: (string);
  'hold'?: (number);
}
