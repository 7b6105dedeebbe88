// Original file: proto/troupe/v1/control.proto

import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';

export interface Chunk {
  'data'?: (Buffer | Uint8Array | string);
  'error'?: (_troupe_v1_ErrorDetail | null);
  'last'?: (boolean);
}

export interface Chunk__Output {
  'data'?: (Buffer);
  'error'?: (_troupe_v1_ErrorDetail__Output);
  'last'?: (boolean);
}
