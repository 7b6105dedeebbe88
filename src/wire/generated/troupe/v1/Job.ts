// Original file: proto/troupe/v1/api.proto

import type { JobState as _troupe_v1_JobState, JobState__Output as _troupe_v1_JobState__Output } from '../../troupe/v1/JobState.ts';
import type { Long } from '@grpc/proto-loader';

export interface Job {
  'id'?: (string);
  'state'?: (_troupe_v1_JobState);
  'sealed'?: (boolean);
  'tasks'?: (number | string | Long);
  'completed'?: (number | string | Long);
  'failed'?: (number | string | Long);
}

export interface Job__Output {
  'id'?: (string);
  'state'?: (_troupe_v1_JobState__Output);
  'sealed'?: (boolean);
  'tasks'?: (number);
  'completed'?: (number);
  'failed'?: (number);
}
