// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface PutValueReply {
  'version'?: (number | string | Long);
}

export interface PutValueReply__Output {
  'version'?: (number);
}
