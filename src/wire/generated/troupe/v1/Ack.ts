// Original file: proto/troupe/v1/control.proto

import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';

export interface Ack {
  'refusal'?: (_troupe_v1_ErrorDetail | null);
}

export interface Ack__Output {
  'refusal'?: (_troupe_v1_ErrorDetail__Output);
}
