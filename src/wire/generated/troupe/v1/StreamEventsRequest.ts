// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface StreamEventsRequest {
  'afterIndex'?: (number | string | Long);
}

export interface StreamEventsRequest__Output {
  'afterIndex'?: (number);
}
