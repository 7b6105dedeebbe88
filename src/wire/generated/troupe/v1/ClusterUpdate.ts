// Original file: proto/troupe/v1/api.proto

import type { ClusterView as _troupe_v1_ClusterView, ClusterView__Output as _troupe_v1_ClusterView__Output } from '../../troupe/v1/ClusterView.ts';
import type { ClusterEvents as _troupe_v1_ClusterEvents, ClusterEvents__Output as _troupe_v1_ClusterEvents__Output } from '../../troupe/v1/ClusterEvents.ts';
import type { LeaderChange as _troupe_v1_LeaderChange, LeaderChange__Output as _troupe_v1_LeaderChange__Output } from '../../troupe/v1/LeaderChange.ts';

export interface ClusterUpdate {
  'view'?: (_troupe_v1_ClusterView | null);
  'events'?: (_troupe_v1_ClusterEvents | null);
  'leader'?: (_troupe_v1_LeaderChange | null);
  'update'?: "view"|"events"|"leader";
}

export interface ClusterUpdate__Output {
  'view'?: (_troupe_v1_ClusterView__Output);
  'events'?: (_troupe_v1_ClusterEvents__Output);
  'leader'?: (_troupe_v1_LeaderChange__Output);
  'update'?: "view"|"events"|"leader";
}
