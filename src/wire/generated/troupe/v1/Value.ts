// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface Value {
  'key'?: (string);
  'value'?: (Buffer | Uint8Array | string);
  'version'?: (number | string | Long);
}

export interface Value__Output {
  'key'?: (string);
  'value'?: (Buffer);
  'version'?: (number);
}
