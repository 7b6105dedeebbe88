// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface Leader {
  'node'?: (string);
  'term'?: (number | string | Long);
}

export interface Leader__Output {
  'node'?: (string);
  'term'?: (number);
}
