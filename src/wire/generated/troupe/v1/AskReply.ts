// Original file: proto/troupe/v1/api.proto


export interface AskReply {
  'payload'?: (Buffer | Uint8Array | string);
}

export interface AskReply__Output {
  'payload'?: (Buffer);
}
