// Original file: proto/troupe/v1/api.proto


export interface Group {
  'kind'?: (string);
  'shards'?: (number);
  'require'?: ({[key: string]: string});
  'prefer'?: ({[key: string]: string});
  'avoid'?: ({[key: string]: string});
}

export interface Group__Output {
  'kind'?: (string);
  'shards'?: (number);
  'require'?: ({[key: string]: string});
  'prefer'?: ({[key: string]: string});
  'avoid'?: ({[key: string]: string});
}
