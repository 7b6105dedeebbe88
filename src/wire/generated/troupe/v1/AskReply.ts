// Original file: proto/troupe/v1/api.proto

import type { Spending as _troupe_v1_Spending, Spending__Output as _troupe_v1_Spending__Output } from '../../troupe/v1/Spending.ts';

export interface AskReply {
  'payload'?: (Buffer | Uint8Array | string);
  'spent'?: (_troupe_v1_Spending | null);
}

export interface AskReply__Output {
  'payload'?: (Buffer);
  'spent'?: (_troupe_v1_Spending__Output);
}
