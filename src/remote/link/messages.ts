import { TroupeError } from '../../core/index.ts';
import type { ProtoGrpcType } from '../../wire/generated/peer.ts';
import { loadProto } from '../../wire/index.ts';

/** The messages of peer.proto with their general codecs, for what isn't sent often. */
export const peerProto: ProtoGrpcType['troupe']['v1'] = loadProto<ProtoGrpcType>('troupe/v1/peer.proto').troupe.v1;

/** How many texts a connection remembers by number; part of the protocol. */
export const INTERNED_TEXTS = 4_096;

/** Major version of the link's protocol: both sides must have the same one. Minor versions are told apart by capabilities. */
export const LINK_PROTOCOL = 1;

/** Each frame ends with a checksum (since 1.1): a proxy that bends bytes costs a connection, never a message. */
const CHECKSUM = 'checksum';

/** What this code can do beyond the first version. What the other side doesn't name isn't asked of it, the unknown is ignored. */
export const CAPABILITIES: readonly string[] = [CHECKSUM];

/** Why a peer of another major version is refused, by whichever side sees it first. */
export function otherProtocol(node: string, protocol = 0): TroupeError {
  const said = `${node} speaks version ${protocol} of the link protocol, this node version ${LINK_PROTOCOL}`;
  return new TroupeError('IDENTITY_MISMATCH', said, { address: node });
}

/** Whether who said hello or welcome so ends every frame with a checksum. */
export const checksums = (greeting: { readonly capabilities?: readonly string[] } | undefined): boolean =>
  greeting?.capabilities?.includes(CHECKSUM) ?? false;
