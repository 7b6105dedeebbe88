// Original file: proto/troupe/v1/peer.proto

import type { LinkHello as _troupe_v1_LinkHello, LinkHello__Output as _troupe_v1_LinkHello__Output } from '../../troupe/v1/LinkHello.ts';
import type { LinkWelcome as _troupe_v1_LinkWelcome, LinkWelcome__Output as _troupe_v1_LinkWelcome__Output } from '../../troupe/v1/LinkWelcome.ts';
import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';
import type { Envelope as _troupe_v1_Envelope, Envelope__Output as _troupe_v1_Envelope__Output } from '../../troupe/v1/Envelope.ts';
import type { Receipt as _troupe_v1_Receipt, Receipt__Output as _troupe_v1_Receipt__Output } from '../../troupe/v1/Receipt.ts';
import type { Long } from '@grpc/proto-loader';

export interface Frame {
  'hello'?: (_troupe_v1_LinkHello | null);
  'welcome'?: (_troupe_v1_LinkWelcome | null);
  'refusal'?: (_troupe_v1_ErrorDetail | null);
  'firstSequence'?: (number | string | Long);
  'envelopes'?: (_troupe_v1_Envelope)[];
  'piece'?: (Buffer | Uint8Array | string);
  'receipt'?: (_troupe_v1_Receipt | null);
  'ping'?: (boolean);
  'checksum'?: (number);
  '_checksum'?: "checksum";
}

export interface Frame__Output {
  'hello'?: (_troupe_v1_LinkHello__Output);
  'welcome'?: (_troupe_v1_LinkWelcome__Output);
  'refusal'?: (_troupe_v1_ErrorDetail__Output);
  'firstSequence'?: (number);
  'envelopes'?: (_troupe_v1_Envelope__Output)[];
  'piece'?: (Buffer);
  'receipt'?: (_troupe_v1_Receipt__Output);
  'ping'?: (boolean);
  'checksum'?: (number);
  '_checksum'?: "checksum";
}
