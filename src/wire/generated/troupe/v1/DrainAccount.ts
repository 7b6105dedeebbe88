// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface DrainAccount {
  'agents'?: (number | string | Long);
  'messages'?: (number | string | Long);
  'drainMs'?: (number | string);
  'pauseMsP50'?: (number | string);
  'pauseMsP99'?: (number | string);
}

export interface DrainAccount__Output {
  'agents'?: (number);
  'messages'?: (number);
  'drainMs'?: (number);
  'pauseMsP50'?: (number);
  'pauseMsP99'?: (number);
}
