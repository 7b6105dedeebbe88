// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface RelayRequest {
  'id'?: (number | string | Long);
  'write'?: (Buffer | Uint8Array | string);
  'read'?: (Buffer | Uint8Array | string);
  'timeoutMs'?: (number);
  'traceparent'?: (string);
  'call'?: "write"|"read";
}

export interface RelayRequest__Output {
  'id'?: (number);
  'write'?: (Buffer);
  'read'?: (Buffer);
  'timeoutMs'?: (number);
  'traceparent'?: (string);
  'call'?: "write"|"read";
}
