// Original file: proto/troupe/v1/api.proto

import type { Leader as _troupe_v1_Leader, Leader__Output as _troupe_v1_Leader__Output } from '../../troupe/v1/Leader.ts';
import type { ClusterView as _troupe_v1_ClusterView, ClusterView__Output as _troupe_v1_ClusterView__Output } from '../../troupe/v1/ClusterView.ts';
import type { LedgerStats as _troupe_v1_LedgerStats, LedgerStats__Output as _troupe_v1_LedgerStats__Output } from '../../troupe/v1/LedgerStats.ts';

export interface GetStatusReply {
  'cluster'?: (string);
  'leader'?: (_troupe_v1_Leader | null);
  'view'?: (_troupe_v1_ClusterView | null);
  'stats'?: (_troupe_v1_LedgerStats | null);
  'apiVersion'?: (number);
  '_leader'?: "leader";
}

export interface GetStatusReply__Output {
  'cluster'?: (string);
  'leader'?: (_troupe_v1_Leader__Output);
  'view'?: (_troupe_v1_ClusterView__Output);
  'stats'?: (_troupe_v1_LedgerStats__Output);
  'apiVersion'?: (number);
  '_leader'?: "leader";
}
