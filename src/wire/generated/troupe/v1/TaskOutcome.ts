// Original file: proto/troupe/v1/api.proto

import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';
import type { Long } from '@grpc/proto-loader';

export interface TaskOutcome {
  'task'?: (string);
  'position'?: (number | string | Long);
  'payload'?: (Buffer | Uint8Array | string);
  'error'?: (_troupe_v1_ErrorDetail | null);
  'outcome'?: "payload"|"error";
}

export interface TaskOutcome__Output {
  'task'?: (string);
  'position'?: (number);
  'payload'?: (Buffer);
  'error'?: (_troupe_v1_ErrorDetail__Output);
  'outcome'?: "payload"|"error";
}
