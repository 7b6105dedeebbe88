import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Budget as _troupe_v1_Budget, Budget__Output as _troupe_v1_Budget__Output } from './troupe/v1/Budget.ts';
import type { Envelope as _troupe_v1_Envelope, Envelope__Output as _troupe_v1_Envelope__Output } from './troupe/v1/Envelope.ts';
import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from './troupe/v1/ErrorDetail.ts';
import type { Frame as _troupe_v1_Frame, Frame__Output as _troupe_v1_Frame__Output } from './troupe/v1/Frame.ts';
import type { LinkHello as _troupe_v1_LinkHello, LinkHello__Output as _troupe_v1_LinkHello__Output } from './troupe/v1/LinkHello.ts';
import type { LinkWelcome as _troupe_v1_LinkWelcome, LinkWelcome__Output as _troupe_v1_LinkWelcome__Output } from './troupe/v1/LinkWelcome.ts';
import type { NodeLife as _troupe_v1_NodeLife, NodeLife__Output as _troupe_v1_NodeLife__Output } from './troupe/v1/NodeLife.ts';
import type { PeerClient as _troupe_v1_PeerClient, PeerDefinition as _troupe_v1_PeerDefinition } from './troupe/v1/Peer.ts';
import type { Receipt as _troupe_v1_Receipt, Receipt__Output as _troupe_v1_Receipt__Output } from './troupe/v1/Receipt.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  troupe: {
    v1: {
      Budget: MessageTypeDefinition<_troupe_v1_Budget, _troupe_v1_Budget__Output>
      Envelope: MessageTypeDefinition<_troupe_v1_Envelope, _troupe_v1_Envelope__Output>
      ErrorDetail: MessageTypeDefinition<_troupe_v1_ErrorDetail, _troupe_v1_ErrorDetail__Output>
      Frame: MessageTypeDefinition<_troupe_v1_Frame, _troupe_v1_Frame__Output>
      LinkHello: MessageTypeDefinition<_troupe_v1_LinkHello, _troupe_v1_LinkHello__Output>
      LinkWelcome: MessageTypeDefinition<_troupe_v1_LinkWelcome, _troupe_v1_LinkWelcome__Output>
      NodeLife: MessageTypeDefinition<_troupe_v1_NodeLife, _troupe_v1_NodeLife__Output>
      Peer: SubtypeConstructor<typeof grpc.Client, _troupe_v1_PeerClient> & { service: _troupe_v1_PeerDefinition }
      Receipt: MessageTypeDefinition<_troupe_v1_Receipt, _troupe_v1_Receipt__Output>
    }
  }
}

