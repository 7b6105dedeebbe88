// Original file: proto/troupe/v1/peer.proto


export interface Budget {
  'tokens'?: (number | string);
  'costMicroUsd'?: (number | string);
  '_tokens'?: "tokens";
  '_costMicroUsd'?: "costMicroUsd";
}

export interface Budget__Output {
  'tokens'?: (number);
  'costMicroUsd'?: (number);
  '_tokens'?: "tokens";
  '_costMicroUsd'?: "costMicroUsd";
}
