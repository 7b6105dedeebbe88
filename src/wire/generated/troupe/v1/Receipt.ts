// Original file: proto/troupe/v1/peer.proto

import type { Long } from '@grpc/proto-loader';

export interface Receipt {
  'received'?: (number | string | Long);
  'messagesUntil'?: (number | string | Long);
  'bytesUntil'?: (number | string | Long);
}

export interface Receipt__Output {
  'received'?: (number);
  'messagesUntil'?: (number);
  'bytesUntil'?: (number);
}
