// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface PutValueRequest {
  'key'?: (string);
  'value'?: (Buffer | Uint8Array | string);
  'expect'?: (number | string | Long);
  '_expect'?: "expect";
}

export interface PutValueRequest__Output {
  'key'?: (string);
  'value'?: (Buffer);
  'expect'?: (number);
  '_expect'?: "expect";
}
