// Original file: proto/troupe/v1/api.proto


export interface HomelessKind {
  'kind'?: (string);
  'shards'?: (number);
  'why'?: (string);
}

export interface HomelessKind__Output {
  'kind'?: (string);
  'shards'?: (number);
  'why'?: (string);
}
