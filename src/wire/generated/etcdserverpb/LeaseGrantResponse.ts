// Original file: proto/etcd/etcd.proto

import type { Long } from '@grpc/proto-loader';

export interface LeaseGrantResponse {
  'TTL'?: (number | string | Long);
}

export interface LeaseGrantResponse__Output {
  'TTL'?: (number);
}
