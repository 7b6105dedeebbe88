// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface LedgerStats {
  'index'?: (number | string | Long);
  'ballots'?: (number | string | Long);
  'decisions'?: (number | string | Long);
  'tasksCompleted'?: (number | string | Long);
  'journalRecords'?: (number | string | Long);
  'puts'?: (number | string | Long);
  'values'?: (number | string | Long);
  'valueBytes'?: (number | string | Long);
}

export interface LedgerStats__Output {
  'index'?: (number);
  'ballots'?: (number);
  'decisions'?: (number);
  'tasksCompleted'?: (number);
  'journalRecords'?: (number);
  'puts'?: (number);
  'values'?: (number);
  'valueBytes'?: (number);
}
