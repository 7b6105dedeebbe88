// Original file: proto/etcd/etcd.proto

import type { Long } from '@grpc/proto-loader';

export interface LeaseKeepAliveResponse {
  'TTL'?: (number | string | Long);
}

export interface LeaseKeepAliveResponse__Output {
  'TTL'?: (number);
}
