// Original file: proto/troupe/v1/control.proto

import type { RaftMessageType as _troupe_v1_RaftMessageType, RaftMessageType__Output as _troupe_v1_RaftMessageType__Output } from '../../troupe/v1/RaftMessageType.ts';
import type { RaftEntry as _troupe_v1_RaftEntry, RaftEntry__Output as _troupe_v1_RaftEntry__Output } from '../../troupe/v1/RaftEntry.ts';
import type { RaftSnapshotMeta as _troupe_v1_RaftSnapshotMeta, RaftSnapshotMeta__Output as _troupe_v1_RaftSnapshotMeta__Output } from '../../troupe/v1/RaftSnapshotMeta.ts';
import type { Long } from '@grpc/proto-loader';

export interface RaftMessage {
  'type'?: (_troupe_v1_RaftMessageType);
  'from'?: (string);
  'to'?: (string);
  'term'?: (number | string | Long);
  'index'?: (number | string | Long);
  'logTerm'?: (number | string | Long);
  'commit'?: (number | string | Long);
  'entries'?: (_troupe_v1_RaftEntry)[];
  'reject'?: (boolean);
  'rejectHint'?: (number | string | Long);
  'force'?: (boolean);
  'snapshot'?: (_troupe_v1_RaftSnapshotMeta | null);
  'context'?: (number | string | Long);
  'lease'?: (boolean);
  '_index'?: "index";
  '_logTerm'?: "logTerm";
  '_commit'?: "commit";
  '_rejectHint'?: "rejectHint";
  '_context'?: "context";
}

export interface RaftMessage__Output {
  'type'?: (_troupe_v1_RaftMessageType__Output);
  'from'?: (string);
  'to'?: (string);
  'term'?: (number);
  'index'?: (number);
  'logTerm'?: (number);
  'commit'?: (number);
  'entries'?: (_troupe_v1_RaftEntry__Output)[];
  'reject'?: (boolean);
  'rejectHint'?: (number);
  'force'?: (boolean);
  'snapshot'?: (_troupe_v1_RaftSnapshotMeta__Output);
  'context'?: (number);
  'lease'?: (boolean);
  '_index'?: "index";
  '_logTerm'?: "logTerm";
  '_commit'?: "commit";
  '_rejectHint'?: "rejectHint";
  '_context'?: "context";
}
