// Original file: proto/troupe/v1/api.proto

import type { Node as _troupe_v1_Node, Node__Output as _troupe_v1_Node__Output } from '../../troupe/v1/Node.ts';
import type { Group as _troupe_v1_Group, Group__Output as _troupe_v1_Group__Output } from '../../troupe/v1/Group.ts';
import type { ShardChange as _troupe_v1_ShardChange, ShardChange__Output as _troupe_v1_ShardChange__Output } from '../../troupe/v1/ShardChange.ts';
import type { Decision as _troupe_v1_Decision, Decision__Output as _troupe_v1_Decision__Output } from '../../troupe/v1/Decision.ts';
import type { JobChange as _troupe_v1_JobChange, JobChange__Output as _troupe_v1_JobChange__Output } from '../../troupe/v1/JobChange.ts';
import type { Members as _troupe_v1_Members, Members__Output as _troupe_v1_Members__Output } from '../../troupe/v1/Members.ts';
import type { HeldTurn as _troupe_v1_HeldTurn, HeldTurn__Output as _troupe_v1_HeldTurn__Output } from '../../troupe/v1/HeldTurn.ts';

export interface ClusterEvent {
  'node'?: (_troupe_v1_Node | null);
  'group'?: (_troupe_v1_Group | null);
  'shards'?: (_troupe_v1_ShardChange | null);
  'decision'?: (_troupe_v1_Decision | null);
  'job'?: (_troupe_v1_JobChange | null);
  'members'?: (_troupe_v1_Members | null);
  'held'?: (_troupe_v1_HeldTurn | null);
  'event'?: "node"|"group"|"shards"|"decision"|"job"|"members"|"held";
}

export interface ClusterEvent__Output {
  'node'?: (_troupe_v1_Node__Output);
  'group'?: (_troupe_v1_Group__Output);
  'shards'?: (_troupe_v1_ShardChange__Output);
  'decision'?: (_troupe_v1_Decision__Output);
  'job'?: (_troupe_v1_JobChange__Output);
  'members'?: (_troupe_v1_Members__Output);
  'held'?: (_troupe_v1_HeldTurn__Output);
  'event'?: "node"|"group"|"shards"|"decision"|"job"|"members"|"held";
}
