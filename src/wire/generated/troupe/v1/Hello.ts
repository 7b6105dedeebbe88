// Original file: proto/troupe/v1/control.proto


export interface Hello {
  'cluster'?: (string);
  'node'?: (string);
  'protocol'?: (number);
  'to'?: (string);
}

export interface Hello__Output {
  'cluster'?: (string);
  'node'?: (string);
  'protocol'?: (number);
  'to'?: (string);
}
