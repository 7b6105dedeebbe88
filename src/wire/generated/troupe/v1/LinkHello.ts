// Original file: proto/troupe/v1/peer.proto

import type { NodeLife as _troupe_v1_NodeLife, NodeLife__Output as _troupe_v1_NodeLife__Output } from '../../troupe/v1/NodeLife.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/troupe/v1/peer.proto

export const _troupe_v1_LinkHello_Lane = {
  UNSPECIFIED: 'UNSPECIFIED',
  SYSTEM: 'SYSTEM',
  USER: 'USER',
  BULK: 'BULK',
} as const;

export type _troupe_v1_LinkHello_Lane =
  | 'UNSPECIFIED'
  | 0
  | 'SYSTEM'
  | 1
  | 'USER'
  | 2
  | 'BULK'
  | 3

export type _troupe_v1_LinkHello_Lane__Output = typeof _troupe_v1_LinkHello_Lane[keyof typeof _troupe_v1_LinkHello_Lane]

export interface LinkHello {
  'cluster'?: (string);
  'protocol'?: (number);
  'from'?: (_troupe_v1_NodeLife | null);
  'to'?: (_troupe_v1_NodeLife | null);
  'lane'?: (_troupe_v1_LinkHello_Lane);
  'capabilities'?: (string)[];
  'attempt'?: (number | string | Long);
  'acknowledged'?: (number | string | Long);
}

export interface LinkHello__Output {
  'cluster'?: (string);
  'protocol'?: (number);
  'from'?: (_troupe_v1_NodeLife__Output);
  'to'?: (_troupe_v1_NodeLife__Output);
  'lane'?: (_troupe_v1_LinkHello_Lane__Output);
  'capabilities'?: (string)[];
  'attempt'?: (number);
  'acknowledged'?: (number);
}
