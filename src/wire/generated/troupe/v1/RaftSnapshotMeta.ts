// Original file: proto/troupe/v1/control.proto

import type { RaftConfiguration as _troupe_v1_RaftConfiguration, RaftConfiguration__Output as _troupe_v1_RaftConfiguration__Output } from '../../troupe/v1/RaftConfiguration.ts';
import type { Long } from '@grpc/proto-loader';

export interface RaftSnapshotMeta {
  'index'?: (number | string | Long);
  'term'?: (number | string | Long);
  'configuration'?: (_troupe_v1_RaftConfiguration | null);
}

export interface RaftSnapshotMeta__Output {
  'index'?: (number);
  'term'?: (number);
  'configuration'?: (_troupe_v1_RaftConfiguration__Output);
}
