// Original file: proto/troupe/v1/api.proto

import type { Job as _troupe_v1_Job, Job__Output as _troupe_v1_Job__Output } from '../../troupe/v1/Job.ts';
import type { TaskOutcome as _troupe_v1_TaskOutcome, TaskOutcome__Output as _troupe_v1_TaskOutcome__Output } from '../../troupe/v1/TaskOutcome.ts';

export interface JobProgress {
  'job'?: (_troupe_v1_Job | null);
  'settled'?: (_troupe_v1_TaskOutcome)[];
}

export interface JobProgress__Output {
  'job'?: (_troupe_v1_Job__Output);
  'settled'?: (_troupe_v1_TaskOutcome__Output)[];
}
