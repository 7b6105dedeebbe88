// Original file: proto/troupe/v1/api.proto

import type { NodeLife as _troupe_v1_NodeLife, NodeLife__Output as _troupe_v1_NodeLife__Output } from '../../troupe/v1/NodeLife.ts';
import type { Long } from '@grpc/proto-loader';

export interface Shard {
  'kind'?: (string);
  'shard'?: (number);
  'epoch'?: (number | string | Long);
  'owner'?: (_troupe_v1_NodeLife | null);
  'target'?: (_troupe_v1_NodeLife | null);
  '_owner'?: "owner";
  '_target'?: "target";
}

export interface Shard__Output {
  'kind'?: (string);
  'shard'?: (number);
  'epoch'?: (number);
  'owner'?: (_troupe_v1_NodeLife__Output);
  'target'?: (_troupe_v1_NodeLife__Output);
  '_owner'?: "owner";
  '_target'?: "target";
}
