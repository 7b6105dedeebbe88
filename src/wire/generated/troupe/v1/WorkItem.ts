// Original file: proto/troupe/v1/api.proto


export interface WorkItem {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
}

export interface WorkItem__Output {
  'kind'?: (string);
  'key'?: (string);
  'method'?: (string);
  'payload'?: (Buffer);
}
