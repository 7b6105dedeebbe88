// Original file: proto/troupe/v1/control.proto

import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';
import type { Long } from '@grpc/proto-loader';

export interface ControlReply {
  'id'?: (number | string | Long);
  'result'?: (Buffer | Uint8Array | string);
  'error'?: (_troupe_v1_ErrorDetail | null);
  'outcome'?: "result"|"error";
}

export interface ControlReply__Output {
  'id'?: (number);
  'result'?: (Buffer);
  'error'?: (_troupe_v1_ErrorDetail__Output);
  'outcome'?: "result"|"error";
}
