// Original file: proto/troupe/v1/api.proto


export interface CloseDecisionRequest {
  'id'?: (string);
}

export interface CloseDecisionRequest__Output {
  'id'?: (string);
}
