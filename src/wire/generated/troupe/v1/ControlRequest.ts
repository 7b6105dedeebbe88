// Original file: proto/troupe/v1/control.proto

import type { Hello as _troupe_v1_Hello, Hello__Output as _troupe_v1_Hello__Output } from '../../troupe/v1/Hello.ts';
import type { Long } from '@grpc/proto-loader';

export interface ControlRequest {
  'hello'?: (_troupe_v1_Hello | null);
  'id'?: (number | string | Long);
  'execute'?: (Buffer | Uint8Array | string);
  'query'?: (Buffer | Uint8Array | string);
  'keepalive'?: (Buffer | Uint8Array | string);
  'timeoutMs'?: (number);
  'traceparent'?: (string);
  'write'?: (Buffer | Uint8Array | string);
  'read'?: (Buffer | Uint8Array | string);
  'membership'?: (Buffer | Uint8Array | string);
  'scale'?: (Buffer | Uint8Array | string);
  'drain'?: (Buffer | Uint8Array | string);
  'kind'?: "execute"|"query"|"keepalive"|"write"|"read"|"membership"|"scale"|"drain";
}

export interface ControlRequest__Output {
  'hello'?: (_troupe_v1_Hello__Output);
  'id'?: (number);
  'execute'?: (Buffer);
  'query'?: (Buffer);
  'keepalive'?: (Buffer);
  'timeoutMs'?: (number);
  'traceparent'?: (string);
  'write'?: (Buffer);
  'read'?: (Buffer);
  'membership'?: (Buffer);
  'scale'?: (Buffer);
  'drain'?: (Buffer);
  'kind'?: "execute"|"query"|"keepalive"|"write"|"read"|"membership"|"scale"|"drain";
}
