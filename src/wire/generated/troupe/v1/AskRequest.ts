// Original file: proto/troupe/v1/api.proto


export interface AskRequest {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
  'requestId'?: (string);
}

export interface AskRequest__Output {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer);
  'requestId'?: (string);
}
