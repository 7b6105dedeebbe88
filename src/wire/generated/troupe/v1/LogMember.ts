// Original file: proto/troupe/v1/api.proto


export interface LogMember {
  'node'?: (string);
  'member'?: (string);
}

export interface LogMember__Output {
  'node'?: (string);
  'member'?: (string);
}
