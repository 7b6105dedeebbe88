// Original file: proto/troupe/v1/api.proto

import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';
import type { Long } from '@grpc/proto-loader';

export interface RelayReply {
  'id'?: (number | string | Long);
  'result'?: (Buffer | Uint8Array | string);
  'error'?: (_troupe_v1_ErrorDetail | null);
  'leader'?: (string);
  'outcome'?: "result"|"error"|"leader";
}

export interface RelayReply__Output {
  'id'?: (number);
  'result'?: (Buffer);
  'error'?: (_troupe_v1_ErrorDetail__Output);
  'leader'?: (string);
  'outcome'?: "result"|"error"|"leader";
}
