// Original file: proto/troupe/v1/peer.proto


export interface Budget {
  'tokens'?: (number | string);
  'cost'?: (number | string);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
}

export interface Budget__Output {
  'tokens'?: (number);
  'cost'?: (number);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
}
