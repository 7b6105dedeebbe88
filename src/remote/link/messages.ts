import type { ProtoGrpcType } from '../../wire/generated/peer.ts';
import { loadProto } from '../../wire/index.ts';

const messages = loadProto<ProtoGrpcType>('troupe/v1/peer.proto').troupe.v1;

/** The general codecs of peer.proto, for what isn't sent often. */
export const Frame: (typeof messages)['Frame'] = messages.Frame;
export const LinkHello: (typeof messages)['LinkHello'] = messages.LinkHello;
export const LinkWelcome: (typeof messages)['LinkWelcome'] = messages.LinkWelcome;
export const Receipt: (typeof messages)['Receipt'] = messages.Receipt;
export const Budget: (typeof messages)['Budget'] = messages.Budget;
export const ErrorDetail: (typeof messages)['ErrorDetail'] = messages.ErrorDetail;

/** How many texts a connection remembers by number; part of the protocol. */
export const INTERNED_TEXTS = 4_096;

/** Version of the link's protocol. */
export const LINK_PROTOCOL = 1;
