// Original file: proto/troupe/v1/api.proto

export const JobState = {
  JOB_STATE_UNSPECIFIED: 'JOB_STATE_UNSPECIFIED',
  JOB_STATE_OPEN: 'JOB_STATE_OPEN',
  JOB_STATE_CLOSED: 'JOB_STATE_CLOSED',
  JOB_STATE_CANCELLED: 'JOB_STATE_CANCELLED',
} as const;

export type JobState =
  | 'JOB_STATE_UNSPECIFIED'
  | 0
  | 'JOB_STATE_OPEN'
  | 1
  | 'JOB_STATE_CLOSED'
  | 2
  | 'JOB_STATE_CANCELLED'
  | 3

export type JobState__Output = typeof JobState[keyof typeof JobState]
