// Original file: proto/troupe/v1/api.proto


export interface WatchDecisionRequest {
  'id'?: (string);
}

export interface WatchDecisionRequest__Output {
  'id'?: (string);
}
