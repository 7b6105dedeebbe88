// Original file: proto/troupe/v1/api.proto


export interface ImaginedNode {
  'id'?: (string);
  'labels'?: ({[key: string]: string});
  'weight'?: (number | string);
  '_weight'?: "weight";
}

export interface ImaginedNode__Output {
  'id'?: (string);
  'labels'?: ({[key: string]: string});
  'weight'?: (number);
  '_weight'?: "weight";
}
