// Original file: proto/troupe/v1/api.proto


export interface PlannedMove {
  'kind'?: (string);
  'shard'?: (number);
  'from'?: (string);
  'to'?: (string);
  'reason'?: (string);
  'why'?: (string);
  '_from'?: "from";
  '_to'?: "to";
}

export interface PlannedMove__Output {
  'kind'?: (string);
  'shard'?: (number);
  'from'?: (string);
  'to'?: (string);
  'reason'?: (string);
  'why'?: (string);
  '_from'?: "from";
  '_to'?: "to";
}
