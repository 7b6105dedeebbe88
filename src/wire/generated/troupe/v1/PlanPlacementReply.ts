// Original file: proto/troupe/v1/api.proto

import type { PlannedMove as _troupe_v1_PlannedMove, PlannedMove__Output as _troupe_v1_PlannedMove__Output } from '../../troupe/v1/PlannedMove.ts';
import type { HomelessKind as _troupe_v1_HomelessKind, HomelessKind__Output as _troupe_v1_HomelessKind__Output } from '../../troupe/v1/HomelessKind.ts';
import type { PlannedNode as _troupe_v1_PlannedNode, PlannedNode__Output as _troupe_v1_PlannedNode__Output } from '../../troupe/v1/PlannedNode.ts';
import type { Long } from '@grpc/proto-loader';

export interface PlanPlacementReply {
  'index'?: (number | string | Long);
  'moves'?: (_troupe_v1_PlannedMove)[];
  'underWay'?: (_troupe_v1_PlannedMove)[];
  'homeless'?: (_troupe_v1_HomelessKind)[];
  'nodes'?: (_troupe_v1_PlannedNode)[];
}

export interface PlanPlacementReply__Output {
  'index'?: (number);
  'moves'?: (_troupe_v1_PlannedMove__Output)[];
  'underWay'?: (_troupe_v1_PlannedMove__Output)[];
  'homeless'?: (_troupe_v1_HomelessKind__Output)[];
  'nodes'?: (_troupe_v1_PlannedNode__Output)[];
}
