// Original file: proto/troupe/v1/api.proto


export interface Spending {
  'tokens'?: (number | string);
  'costMicroUsd'?: (number | string);
  '_tokens'?: "tokens";
  '_costMicroUsd'?: "costMicroUsd";
}

export interface Spending__Output {
  'tokens'?: (number);
  'costMicroUsd'?: (number);
  '_tokens'?: "tokens";
  '_costMicroUsd'?: "costMicroUsd";
}
