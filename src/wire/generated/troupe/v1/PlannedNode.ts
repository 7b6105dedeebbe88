// Original file: proto/troupe/v1/api.proto


export interface PlannedNode {
  'id'?: (string);
  'shardsNow'?: (number);
  'shardsThen'?: (number);
}

export interface PlannedNode__Output {
  'id'?: (string);
  'shardsNow'?: (number);
  'shardsThen'?: (number);
}
