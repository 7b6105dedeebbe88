// Original file: proto/troupe/v1/api.proto

import type { Value as _troupe_v1_Value, Value__Output as _troupe_v1_Value__Output } from '../../troupe/v1/Value.ts';

export interface ListValuesReply {
  'values'?: (_troupe_v1_Value)[];
}

export interface ListValuesReply__Output {
  'values'?: (_troupe_v1_Value__Output)[];
}
