// Original file: proto/troupe/v1/api.proto


export interface TellRequest {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
}

export interface TellRequest__Output {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer);
}
