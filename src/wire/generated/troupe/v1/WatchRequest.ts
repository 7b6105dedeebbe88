// Original file: proto/troupe/v1/control.proto

import type { Hello as _troupe_v1_Hello, Hello__Output as _troupe_v1_Hello__Output } from '../../troupe/v1/Hello.ts';

export interface WatchRequest {
  'hello'?: (_troupe_v1_Hello | null);
}

export interface WatchRequest__Output {
  'hello'?: (_troupe_v1_Hello__Output);
}
