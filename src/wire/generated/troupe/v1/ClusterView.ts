// Original file: proto/troupe/v1/api.proto

import type { Node as _troupe_v1_Node, Node__Output as _troupe_v1_Node__Output } from '../../troupe/v1/Node.ts';
import type { Group as _troupe_v1_Group, Group__Output as _troupe_v1_Group__Output } from '../../troupe/v1/Group.ts';
import type { Shard as _troupe_v1_Shard, Shard__Output as _troupe_v1_Shard__Output } from '../../troupe/v1/Shard.ts';
import type { Members as _troupe_v1_Members, Members__Output as _troupe_v1_Members__Output } from '../../troupe/v1/Members.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClusterView {
  'index'?: (number | string | Long);
  'nodes'?: (_troupe_v1_Node)[];
  'groups'?: (_troupe_v1_Group)[];
  'shards'?: (_troupe_v1_Shard)[];
  'members'?: (_troupe_v1_Members | null);
  '_members'?: "members";
}

export interface ClusterView__Output {
  'index'?: (number);
  'nodes'?: (_troupe_v1_Node__Output)[];
  'groups'?: (_troupe_v1_Group__Output)[];
  'shards'?: (_troupe_v1_Shard__Output)[];
  'members'?: (_troupe_v1_Members__Output);
  '_members'?: "members";
}
