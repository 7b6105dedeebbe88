// Original file: proto/troupe/v1/api.proto


export interface ListNodesRequest {
  'stale'?: (boolean);
}

export interface ListNodesRequest__Output {
  'stale'?: (boolean);
}
