// Original file: proto/troupe/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface RaftEntry {
  'term'?: (number | string | Long);
  'index'?: (number | string | Long);
  'config'?: (boolean);
  'data'?: (Buffer | Uint8Array | string);
}

export interface RaftEntry__Output {
  'term'?: (number);
  'index'?: (number);
  'config'?: (boolean);
  'data'?: (Buffer);
}
