// Original file: proto/troupe/v1/api.proto

import type { NodeState as _troupe_v1_NodeState, NodeState__Output as _troupe_v1_NodeState__Output } from '../../troupe/v1/NodeState.ts';
import type { DrainAccount as _troupe_v1_DrainAccount, DrainAccount__Output as _troupe_v1_DrainAccount__Output } from '../../troupe/v1/DrainAccount.ts';
import type { Long } from '@grpc/proto-loader';

export interface Node {
  'id'?: (string);
  'incarnation'?: (number | string | Long);
  'state'?: (_troupe_v1_NodeState);
  'apiAddress'?: (string);
  'controlAddress'?: (string);
  'dataAddress'?: (string);
  'labels'?: ({[key: string]: string});
  'voter'?: (boolean);
  'kinds'?: (string)[];
  'drainByUnixMs'?: (number | string | Long);
  'reason'?: (string);
  'account'?: (_troupe_v1_DrainAccount | null);
  'weight'?: (number | string);
  '_drainByUnixMs'?: "drainByUnixMs";
  '_reason'?: "reason";
  '_account'?: "account";
  '_weight'?: "weight";
}

export interface Node__Output {
  'id'?: (string);
  'incarnation'?: (number);
  'state'?: (_troupe_v1_NodeState__Output);
  'apiAddress'?: (string);
  'controlAddress'?: (string);
  'dataAddress'?: (string);
  'labels'?: ({[key: string]: string});
  'voter'?: (boolean);
  'kinds'?: (string)[];
  'drainByUnixMs'?: (number);
  'reason'?: (string);
  'account'?: (_troupe_v1_DrainAccount__Output);
  'weight'?: (number);
  '_drainByUnixMs'?: "drainByUnixMs";
  '_reason'?: "reason";
  '_account'?: "account";
  '_weight'?: "weight";
}
