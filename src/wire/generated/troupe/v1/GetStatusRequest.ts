// Original file: proto/troupe/v1/api.proto


export interface GetStatusRequest {
  'stale'?: (boolean);
}

export interface GetStatusRequest__Output {
  'stale'?: (boolean);
}
