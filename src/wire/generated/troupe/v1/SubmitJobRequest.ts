// Original file: proto/troupe/v1/api.proto

import type { JobHeader as _troupe_v1_JobHeader, JobHeader__Output as _troupe_v1_JobHeader__Output } from '../../troupe/v1/JobHeader.ts';
import type { WorkItems as _troupe_v1_WorkItems, WorkItems__Output as _troupe_v1_WorkItems__Output } from '../../troupe/v1/WorkItems.ts';
import type { JobEnd as _troupe_v1_JobEnd, JobEnd__Output as _troupe_v1_JobEnd__Output } from '../../troupe/v1/JobEnd.ts';

export interface SubmitJobRequest {
  'header'?: (_troupe_v1_JobHeader | null);
  'items'?: (_troupe_v1_WorkItems | null);
  'end'?: (_troupe_v1_JobEnd | null);
  'part'?: "header"|"items"|"end";
}

export interface SubmitJobRequest__Output {
  'header'?: (_troupe_v1_JobHeader__Output);
  'items'?: (_troupe_v1_WorkItems__Output);
  'end'?: (_troupe_v1_JobEnd__Output);
  'part'?: "header"|"items"|"end";
}
