// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface JobEnd {
  'items'?: (number | string | Long);
}

export interface JobEnd__Output {
  'items'?: (number);
}
