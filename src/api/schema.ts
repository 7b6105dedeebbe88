import { fromJSON, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import type { ErrorDetail, ErrorDetail__Output } from '../wire/generated/troupe/v1/ErrorDetail.ts';
import type { TroupeDefinition } from '../wire/generated/troupe/v1/Troupe.ts';
import { loadDefinition, PROTO_OPTIONS } from '../wire/index.ts';

/** Everything that `api.proto` declares, for the service, its clients and reflection. */
export const apiPackage: PackageDefinition = loadDefinition('troupe/v1/api.proto');

/** Name of the service, as health checks and reflection know it. */
export const TROUPE_SERVICE = 'troupe.v1.Troupe';

/** The service itself. */
export const troupeService: TroupeDefinition = apiPackage[TROUPE_SERVICE] as unknown as TroupeDefinition;

/** Codec of `troupe.v1.ErrorDetail`. */
export const errorDetailType: MessageTypeDefinition<ErrorDetail, ErrorDetail__Output> = apiPackage[
  'troupe.v1.ErrorDetail'
] as MessageTypeDefinition<ErrorDetail, ErrorDetail__Output>;

/** `google.rpc.Status`: what gRPC puts into `grpc-status-details-bin`. */
export interface RpcStatus {
  readonly code?: number;
  readonly message?: string;
  readonly details?: readonly { readonly typeUrl?: string; readonly value?: Uint8Array }[];
}

// The two messages are small and stable, and the library doesn't ship them: written out here rather than as a copied file.
// `Packed` has the layout of google.protobuf.Any, under another name so that the codec leaves it packed.
const rpcPackage = fromJSON(
  {
    nested: {
      google: {
        nested: {
          rpc: {
            nested: {
              Packed: { fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
              Status: {
                fields: {
                  code: { type: 'int32', id: 1 },
                  message: { type: 'string', id: 2 },
                  details: { rule: 'repeated', type: 'Packed', id: 3 },
                },
              },
            },
          },
        },
      },
    },
  },
  PROTO_OPTIONS,
);

/** Codec of `google.rpc.Status`. */
export const rpcStatusType: MessageTypeDefinition<RpcStatus, RpcStatus> = rpcPackage[
  'google.rpc.Status'
] as MessageTypeDefinition<RpcStatus, RpcStatus>;
