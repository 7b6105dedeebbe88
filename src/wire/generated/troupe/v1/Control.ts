// Original file: proto/troupe/v1/control.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Ack as _troupe_v1_Ack, Ack__Output as _troupe_v1_Ack__Output } from '../../troupe/v1/Ack.ts';
import type { Chunk as _troupe_v1_Chunk, Chunk__Output as _troupe_v1_Chunk__Output } from '../../troupe/v1/Chunk.ts';
import type { ControlReply as _troupe_v1_ControlReply, ControlReply__Output as _troupe_v1_ControlReply__Output } from '../../troupe/v1/ControlReply.ts';
import type { ControlRequest as _troupe_v1_ControlRequest, ControlRequest__Output as _troupe_v1_ControlRequest__Output } from '../../troupe/v1/ControlRequest.ts';
import type { RaftBatch as _troupe_v1_RaftBatch, RaftBatch__Output as _troupe_v1_RaftBatch__Output } from '../../troupe/v1/RaftBatch.ts';
import type { SnapshotRequest as _troupe_v1_SnapshotRequest, SnapshotRequest__Output as _troupe_v1_SnapshotRequest__Output } from '../../troupe/v1/SnapshotRequest.ts';
import type { WatchRequest as _troupe_v1_WatchRequest, WatchRequest__Output as _troupe_v1_WatchRequest__Output } from '../../troupe/v1/WatchRequest.ts';

export interface ControlClient extends grpc.Client {
  Call(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_ControlRequest, _troupe_v1_ControlReply__Output>;
  Call(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_ControlRequest, _troupe_v1_ControlReply__Output>;
  call(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_ControlRequest, _troupe_v1_ControlReply__Output>;
  call(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_ControlRequest, _troupe_v1_ControlReply__Output>;
  
  FetchSnapshot(argument: _troupe_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  FetchSnapshot(argument: _troupe_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  fetchSnapshot(argument: _troupe_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  fetchSnapshot(argument: _troupe_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  
  Raft(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  Raft(metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  Raft(options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  Raft(callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  raft(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  raft(metadata: grpc.Metadata, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  raft(options: grpc.CallOptions, callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  raft(callback: grpc.requestCallback<_troupe_v1_Ack__Output>): grpc.ClientWritableStream<_troupe_v1_RaftBatch>;
  
  Watch(argument: _troupe_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  Watch(argument: _troupe_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  watch(argument: _troupe_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  watch(argument: _troupe_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_troupe_v1_Chunk__Output>;
  
}

export interface ControlHandlers extends grpc.UntypedServiceImplementation {
  Call: grpc.handleBidiStreamingCall<_troupe_v1_ControlRequest__Output, _troupe_v1_ControlReply>;
  
  FetchSnapshot: grpc.handleServerStreamingCall<_troupe_v1_SnapshotRequest__Output, _troupe_v1_Chunk>;
  
  Raft: grpc.handleClientStreamingCall<_troupe_v1_RaftBatch__Output, _troupe_v1_Ack>;
  
  Watch: grpc.handleServerStreamingCall<_troupe_v1_WatchRequest__Output, _troupe_v1_Chunk>;
  
}

export interface ControlDefinition extends grpc.ServiceDefinition {
  Call: MethodDefinition<_troupe_v1_ControlRequest, _troupe_v1_ControlReply, _troupe_v1_ControlRequest__Output, _troupe_v1_ControlReply__Output>
  FetchSnapshot: MethodDefinition<_troupe_v1_SnapshotRequest, _troupe_v1_Chunk, _troupe_v1_SnapshotRequest__Output, _troupe_v1_Chunk__Output>
  Raft: MethodDefinition<_troupe_v1_RaftBatch, _troupe_v1_Ack, _troupe_v1_RaftBatch__Output, _troupe_v1_Ack__Output>
  Watch: MethodDefinition<_troupe_v1_WatchRequest, _troupe_v1_Chunk, _troupe_v1_WatchRequest__Output, _troupe_v1_Chunk__Output>
}
