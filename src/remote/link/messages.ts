import type { ProtoGrpcType } from '../../wire/generated/peer.ts';
import { loadProto } from '../../wire/index.ts';

/** The messages of peer.proto with their general codecs, for what isn't sent often. */
export const peerProto: ProtoGrpcType['troupe']['v1'] = loadProto<ProtoGrpcType>('troupe/v1/peer.proto').troupe.v1;

/** How many texts a connection remembers by number; part of the protocol. */
export const INTERNED_TEXTS = 4_096;

/** Version of the link's protocol. */
export const LINK_PROTOCOL = 1;
