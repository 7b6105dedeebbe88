// Original file: proto/troupe/v1/api.proto


export interface DrainNodeRequest {
  'node'?: (string);
  'reason'?: (string);
  'deadlineMs'?: (number);
}

export interface DrainNodeRequest__Output {
  'node'?: (string);
  'reason'?: (string);
  'deadlineMs'?: (number);
}
