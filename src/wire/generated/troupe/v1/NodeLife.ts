// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface NodeLife {
  'node'?: (string);
  'incarnation'?: (number | string | Long);
}

export interface NodeLife__Output {
  'node'?: (string);
  'incarnation'?: (number);
}
