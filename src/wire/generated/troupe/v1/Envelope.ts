// Original file: proto/troupe/v1/peer.proto

import type { Budget as _troupe_v1_Budget, Budget__Output as _troupe_v1_Budget__Output } from '../../troupe/v1/Budget.ts';
import type { ErrorDetail as _troupe_v1_ErrorDetail, ErrorDetail__Output as _troupe_v1_ErrorDetail__Output } from '../../troupe/v1/ErrorDetail.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/troupe/v1/peer.proto

export const _troupe_v1_Envelope_Kind = {
  TELL: 'TELL',
  ASK: 'ASK',
  REPLY: 'REPLY',
  ERROR: 'ERROR',
  CANCEL: 'CANCEL',
} as const;

export type _troupe_v1_Envelope_Kind =
  | 'TELL'
  | 0
  | 'ASK'
  | 1
  | 'REPLY'
  | 2
  | 'ERROR'
  | 3
  | 'CANCEL'
  | 4

export type _troupe_v1_Envelope_Kind__Output = typeof _troupe_v1_Envelope_Kind[keyof typeof _troupe_v1_Envelope_Kind]

export interface Envelope {
  'kind'?: (_troupe_v1_Envelope_Kind);
  'to'?: (string);
  'toId'?: (number);
  'method'?: (string);
  'methodId'?: (number);
  'from'?: (string);
  'fromId'?: (number);
  'correlation'?: (number | string | Long);
  'payload'?: (Buffer | Uint8Array | string);
  'payloadBytes'?: (number | string | Long);
  'requestId'?: (string);
  'traceparent'?: (string);
  'timeoutMs'?: (number);
  'budget'?: (_troupe_v1_Budget | null);
  'error'?: (_troupe_v1_ErrorDetail | null);
  'epoch'?: (number | string | Long);
  'askers'?: (string)[];
  '_timeoutMs'?: "timeoutMs";
}

export interface Envelope__Output {
  'kind'?: (_troupe_v1_Envelope_Kind__Output);
  'to'?: (string);
  'toId'?: (number);
  'method'?: (string);
  'methodId'?: (number);
  'from'?: (string);
  'fromId'?: (number);
  'correlation'?: (number);
  'payload'?: (Buffer);
  'payloadBytes'?: (number);
  'requestId'?: (string);
  'traceparent'?: (string);
  'timeoutMs'?: (number);
  'budget'?: (_troupe_v1_Budget__Output);
  'error'?: (_troupe_v1_ErrorDetail__Output);
  'epoch'?: (number);
  'askers'?: (string)[];
  '_timeoutMs'?: "timeoutMs";
}
