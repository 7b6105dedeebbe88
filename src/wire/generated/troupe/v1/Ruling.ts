// Original file: proto/troupe/v1/api.proto


export interface Ruling {
  'donePayload'?: (Buffer | Uint8Array | string);
  'retry'?: (boolean);
  'failReason'?: (string);
  'ruling'?: "donePayload"|"retry"|"failReason";
}

export interface Ruling__Output {
  'donePayload'?: (Buffer);
  'retry'?: (boolean);
  'failReason'?: (string);
  'ruling'?: "donePayload"|"retry"|"failReason";
}
