// Original file: proto/troupe/v1/api.proto

import type { ClusterEvent as _troupe_v1_ClusterEvent, ClusterEvent__Output as _troupe_v1_ClusterEvent__Output } from '../../troupe/v1/ClusterEvent.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClusterEvents {
  'index'?: (number | string | Long);
  'term'?: (number | string | Long);
  'timeUnixMs'?: (number | string | Long);
  'events'?: (_troupe_v1_ClusterEvent)[];
}

export interface ClusterEvents__Output {
  'index'?: (number);
  'term'?: (number);
  'timeUnixMs'?: (number);
  'events'?: (_troupe_v1_ClusterEvent__Output)[];
}
