// Original file: proto/troupe/v1/api.proto


export interface GetDecisionRequest {
  'id'?: (string);
}

export interface GetDecisionRequest__Output {
  'id'?: (string);
}
