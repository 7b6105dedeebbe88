// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface GetValueReply {
  'value'?: (Buffer | Uint8Array | string);
  'version'?: (number | string | Long);
}

export interface GetValueReply__Output {
  'value'?: (Buffer);
  'version'?: (number);
}
