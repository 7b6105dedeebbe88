// Original file: proto/troupe/v1/api.proto


export interface ListValuesRequest {
  'prefix'?: (string);
  'after'?: (string);
  'limit'?: (number);
  'stale'?: (boolean);
}

export interface ListValuesRequest__Output {
  'prefix'?: (string);
  'after'?: (string);
  'limit'?: (number);
  'stale'?: (boolean);
}
