// Original file: proto/troupe/v1/peer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Frame as _troupe_v1_Frame, Frame__Output as _troupe_v1_Frame__Output } from '../../troupe/v1/Frame.ts';

export interface PeerClient extends grpc.Client {
  Link(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_Frame, _troupe_v1_Frame__Output>;
  Link(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_Frame, _troupe_v1_Frame__Output>;
  link(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_Frame, _troupe_v1_Frame__Output>;
  link(options?: grpc.CallOptions): grpc.ClientDuplexStream<_troupe_v1_Frame, _troupe_v1_Frame__Output>;
  
}

export interface PeerHandlers extends grpc.UntypedServiceImplementation {
  Link: grpc.handleBidiStreamingCall<_troupe_v1_Frame__Output, _troupe_v1_Frame>;
  
}

export interface PeerDefinition extends grpc.ServiceDefinition {
  Link: MethodDefinition<_troupe_v1_Frame, _troupe_v1_Frame, _troupe_v1_Frame__Output, _troupe_v1_Frame__Output>
}
