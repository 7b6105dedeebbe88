// Original file: proto/troupe/v1/control.proto

import type { Hello as _troupe_v1_Hello, Hello__Output as _troupe_v1_Hello__Output } from '../../troupe/v1/Hello.ts';
import type { RaftMessage as _troupe_v1_RaftMessage, RaftMessage__Output as _troupe_v1_RaftMessage__Output } from '../../troupe/v1/RaftMessage.ts';

export interface RaftBatch {
  'hello'?: (_troupe_v1_Hello | null);
  'messages'?: (_troupe_v1_RaftMessage)[];
}

export interface RaftBatch__Output {
  'hello'?: (_troupe_v1_Hello__Output);
  'messages'?: (_troupe_v1_RaftMessage__Output)[];
}
