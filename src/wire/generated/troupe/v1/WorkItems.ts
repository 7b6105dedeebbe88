// Original file: proto/troupe/v1/api.proto

import type { WorkItem as _troupe_v1_WorkItem, WorkItem__Output as _troupe_v1_WorkItem__Output } from '../../troupe/v1/WorkItem.ts';

export interface WorkItems {
  'items'?: (_troupe_v1_WorkItem)[];
}

export interface WorkItems__Output {
  'items'?: (_troupe_v1_WorkItem__Output)[];
}
