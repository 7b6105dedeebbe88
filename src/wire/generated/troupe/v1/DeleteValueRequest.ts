// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface DeleteValueRequest {
  'key'?: (string);
  'expect'?: (number | string | Long);
  '_expect'?: "expect";
}

export interface DeleteValueRequest__Output {
  'key'?: (string);
  'expect'?: (number);
  '_expect'?: "expect";
}
