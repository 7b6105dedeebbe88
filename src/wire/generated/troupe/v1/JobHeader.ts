// Original file: proto/troupe/v1/api.proto


export interface JobHeader {
  'id'?: (string);
  'concurrency'?: (number);
  'attempts'?: (number);
  'timeoutMs'?: (number);
}

export interface JobHeader__Output {
  'id'?: (string);
  'concurrency'?: (number);
  'attempts'?: (number);
  'timeoutMs'?: (number);
}
