// Original file: proto/troupe/v1/control.proto

import type { Hello as _troupe_v1_Hello, Hello__Output as _troupe_v1_Hello__Output } from '../../troupe/v1/Hello.ts';
import type { Long } from '@grpc/proto-loader';

export interface SnapshotRequest {
  'hello'?: (_troupe_v1_Hello | null);
  'index'?: (number | string | Long);
}

export interface SnapshotRequest__Output {
  'hello'?: (_troupe_v1_Hello__Output);
  'index'?: (number);
}
