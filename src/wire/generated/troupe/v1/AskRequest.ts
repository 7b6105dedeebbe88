// Original file: proto/troupe/v1/api.proto

import type { Spending as _troupe_v1_Spending, Spending__Output as _troupe_v1_Spending__Output } from '../../troupe/v1/Spending.ts';

export interface AskRequest {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
  'requestId'?: (string);
  'budget'?: (_troupe_v1_Spending | null);
}

export interface AskRequest__Output {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer);
  'requestId'?: (string);
  'budget'?: (_troupe_v1_Spending__Output);
}
