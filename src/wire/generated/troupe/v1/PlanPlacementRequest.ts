// Original file: proto/troupe/v1/api.proto

import type { ImaginedNode as _troupe_v1_ImaginedNode, ImaginedNode__Output as _troupe_v1_ImaginedNode__Output } from '../../troupe/v1/ImaginedNode.ts';

export interface PlanPlacementRequest {
  'stale'?: (boolean);
  'without'?: (string)[];
  'with'?: (_troupe_v1_ImaginedNode)[];
}

export interface PlanPlacementRequest__Output {
  'stale'?: (boolean);
  'without'?: (string)[];
  'with'?: (_troupe_v1_ImaginedNode__Output)[];
}
