// Original file: proto/troupe/v1/api.proto

import type { Job as _troupe_v1_Job, Job__Output as _troupe_v1_Job__Output } from '../../troupe/v1/Job.ts';
import type { SettledTask as _troupe_v1_SettledTask, SettledTask__Output as _troupe_v1_SettledTask__Output } from '../../troupe/v1/SettledTask.ts';

export interface JobChange {
  'job'?: (_troupe_v1_Job | null);
  'settled'?: (_troupe_v1_SettledTask)[];
}

export interface JobChange__Output {
  'job'?: (_troupe_v1_Job__Output);
  'settled'?: (_troupe_v1_SettledTask__Output)[];
}
