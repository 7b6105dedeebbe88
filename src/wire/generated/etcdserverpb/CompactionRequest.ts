// Original file: proto/etcd/etcd.proto

import type { Long } from '@grpc/proto-loader';

export interface CompactionRequest {
  'revision'?: (number | string | Long);
}

export interface CompactionRequest__Output {
  'revision'?: (number);
}
