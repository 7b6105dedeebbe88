// Original file: proto/troupe/v1/api.proto

import type { Long } from '@grpc/proto-loader';

export interface TopicNews {
  'payloads'?: (Buffer | Uint8Array | string)[];
  'missed'?: (number | string | Long);
}

export interface TopicNews__Output {
  'payloads'?: (Buffer)[];
  'missed'?: (number);
}
