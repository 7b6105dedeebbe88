// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface SettledTask {
  'task'?: (string);
  'position'?: (number | string | Long);
  'ok'?: (boolean);
}

export interface SettledTask__Output {
  'task'?: (string);
  'position'?: (number);
  'ok'?: (boolean);
}
