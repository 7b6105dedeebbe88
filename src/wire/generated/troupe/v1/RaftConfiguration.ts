// Original file: proto/troupe/v1/control.proto


export interface RaftConfiguration {
  'voters'?: (string)[];
  'votersOutgoing'?: (string)[];
  'learners'?: (string)[];
  'learnersNext'?: (string)[];
}

export interface RaftConfiguration__Output {
  'voters'?: (string)[];
  'votersOutgoing'?: (string)[];
  'learners'?: (string)[];
  'learnersNext'?: (string)[];
}
