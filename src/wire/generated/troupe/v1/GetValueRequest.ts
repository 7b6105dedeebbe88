// Original file: proto/troupe/v1/api.proto


export interface GetValueRequest {
  'key'?: (string);
  'stale'?: (boolean);
}

export interface GetValueRequest__Output {
  'key'?: (string);
  'stale'?: (boolean);
}
