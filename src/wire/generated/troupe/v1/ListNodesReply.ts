// Original file: proto/troupe/v1/api.proto

import type { Node as _troupe_v1_Node, Node__Output as _troupe_v1_Node__Output } from '../../troupe/v1/Node.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListNodesReply {
  'index'?: (number | string | Long);
  'nodes'?: (_troupe_v1_Node)[];
}

export interface ListNodesReply__Output {
  'index'?: (number);
  'nodes'?: (_troupe_v1_Node__Output)[];
}
