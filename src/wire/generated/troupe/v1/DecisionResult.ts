// Original file: proto/troupe/v1/api.proto

import type { DecisionOutcome as _troupe_v1_DecisionOutcome, DecisionOutcome__Output as _troupe_v1_DecisionOutcome__Output } from '../../troupe/v1/DecisionOutcome.ts';
import type { Long } from '@grpc/proto-loader';

export interface DecisionResult {
  'outcome'?: (_troupe_v1_DecisionOutcome);
  'choice'?: (string);
  'tally'?: ({[key: string]: number});
  'index'?: (number | string | Long);
  'term'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  '_choice'?: "choice";
}

export interface DecisionResult__Output {
  'outcome'?: (_troupe_v1_DecisionOutcome__Output);
  'choice'?: (string);
  'tally'?: ({[key: string]: number});
  'index'?: (number);
  'term'?: (number);
  'epoch'?: (number);
  '_choice'?: "choice";
}
