// Original file: proto/troupe/v1/api.proto


export interface SendRequest {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
  'requestId'?: (string);
}

export interface SendRequest__Output {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer);
  'requestId'?: (string);
}
