// Original file: proto/troupe/v1/api.proto

import type { Shard as _troupe_v1_Shard, Shard__Output as _troupe_v1_Shard__Output } from '../../troupe/v1/Shard.ts';

export interface ShardChange {
  'shards'?: (_troupe_v1_Shard)[];
}

export interface ShardChange__Output {
  'shards'?: (_troupe_v1_Shard__Output)[];
}
