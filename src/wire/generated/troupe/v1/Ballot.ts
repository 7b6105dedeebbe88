// Original file: proto/troupe/v1/api.proto


export interface Ballot {
  'member'?: (string);
  'choice'?: (string);
  'reason'?: (string);
  '_choice'?: "choice";
  '_reason'?: "reason";
}

export interface Ballot__Output {
  'member'?: (string);
  'choice'?: (string);
  'reason'?: (string);
  '_choice'?: "choice";
  '_reason'?: "reason";
}
