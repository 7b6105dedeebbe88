import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Ack as _troupe_v1_Ack, Ack__Output as _troupe_v1_Ack__Output } from './troupe/v1/Ack.ts';
import type { Chunk as _troupe_v1_Chunk, Chunk__Output as _troupe_v1_Chunk__Output } from './troupe/v1/Chunk.ts';
import type { ControlClient as _troupe_v1_ControlClient, ControlDefinition as _troupe_v1_ControlDefinition } from './troupe/v1/Control.ts';
import type { ControlReply as _troupe_v1_ControlReply, ControlReply__Output as _troupe_v1_ControlReply__Output } from './troupe/v1/ControlReply.ts';
import type { ControlRequest as _troupe_v1_ControlRequest, ControlRequest__Output as _troupe_v1_ControlRequest__Output } from './troupe/v1/ControlRequest.ts';
import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from './troupe/v1/ErrorDetail.ts';
import type { Hello as _troupe_v1_Hello, Hello__Output as _troupe_v1_Hello__Output } from './troupe/v1/Hello.ts';
import type { RaftBatch as _troupe_v1_RaftBatch, RaftBatch__Output as _troupe_v1_RaftBatch__Output } from './troupe/v1/RaftBatch.ts';
import type { RaftConfiguration as _troupe_v1_RaftConfiguration, RaftConfiguration__Output as _troupe_v1_RaftConfiguration__Output } from './troupe/v1/RaftConfiguration.ts';
import type { RaftEntry as _troupe_v1_RaftEntry, RaftEntry__Output as _troupe_v1_RaftEntry__Output } from './troupe/v1/RaftEntry.ts';
import type { RaftMessage as _troupe_v1_RaftMessage, RaftMessage__Output as _troupe_v1_RaftMessage__Output } from './troupe/v1/RaftMessage.ts';
import type { RaftSnapshotMeta as _troupe_v1_RaftSnapshotMeta, RaftSnapshotMeta__Output as _troupe_v1_RaftSnapshotMeta__Output } from './troupe/v1/RaftSnapshotMeta.ts';
import type { SnapshotRequest as _troupe_v1_SnapshotRequest, SnapshotRequest__Output as _troupe_v1_SnapshotRequest__Output } from './troupe/v1/SnapshotRequest.ts';
import type { WatchRequest as _troupe_v1_WatchRequest, WatchRequest__Output as _troupe_v1_WatchRequest__Output } from './troupe/v1/WatchRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  troupe: {
    v1: {
      Ack: MessageTypeDefinition<_troupe_v1_Ack, _troupe_v1_Ack__Output>
      Chunk: MessageTypeDefinition<_troupe_v1_Chunk, _troupe_v1_Chunk__Output>
      Control: SubtypeConstructor<typeof grpc.Client, _troupe_v1_ControlClient> & { service: _troupe_v1_ControlDefinition }
      ControlReply: MessageTypeDefinition<_troupe_v1_ControlReply, _troupe_v1_ControlReply__Output>
      ControlRequest: MessageTypeDefinition<_troupe_v1_ControlRequest, _troupe_v1_ControlRequest__Output>
      ErrorDetail: MessageTypeDefinition<_troupe_v1_ErrorDetail, _troupe_v1_ErrorDetail__Output>
      Hello: MessageTypeDefinition<_troupe_v1_Hello, _troupe_v1_Hello__Output>
      RaftBatch: MessageTypeDefinition<_troupe_v1_RaftBatch, _troupe_v1_RaftBatch__Output>
      RaftConfiguration: MessageTypeDefinition<_troupe_v1_RaftConfiguration, _troupe_v1_RaftConfiguration__Output>
      RaftEntry: MessageTypeDefinition<_troupe_v1_RaftEntry, _troupe_v1_RaftEntry__Output>
      RaftMessage: MessageTypeDefinition<_troupe_v1_RaftMessage, _troupe_v1_RaftMessage__Output>
      RaftMessageType: EnumTypeDefinition
      RaftSnapshotMeta: MessageTypeDefinition<_troupe_v1_RaftSnapshotMeta, _troupe_v1_RaftSnapshotMeta__Output>
      SnapshotRequest: MessageTypeDefinition<_troupe_v1_SnapshotRequest, _troupe_v1_SnapshotRequest__Output>
      WatchRequest: MessageTypeDefinition<_troupe_v1_WatchRequest, _troupe_v1_WatchRequest__Output>
    }
  }
}

