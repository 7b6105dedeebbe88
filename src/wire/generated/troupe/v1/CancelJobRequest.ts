// Original file: proto/troupe/v1/api.proto


export interface CancelJobRequest {
  'id'?: (string);
}

export interface CancelJobRequest__Output {
  'id'?: (string);
}
