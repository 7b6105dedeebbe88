// Original file: proto/troupe/v1/api.proto

import type { DecisionRule as _troupe_v1_DecisionRule, DecisionRule__Output as _troupe_v1_DecisionRule__Output } from '../../troupe/v1/DecisionRule.ts';
import type { Ballot as _troupe_v1_Ballot, Ballot__Output as _troupe_v1_Ballot__Output } from '../../troupe/v1/Ballot.ts';
import type { DecisionResult as _troupe_v1_DecisionResult, DecisionResult__Output as _troupe_v1_DecisionResult__Output } from '../../troupe/v1/DecisionResult.ts';
import type { Long } from '@grpc/proto-loader';

export interface Decision {
  'id'?: (string);
  'question'?: (string);
  'options'?: (string)[];
  'electors'?: (string)[];
  'rule'?: (_troupe_v1_DecisionRule);
  'quorum'?: (number);
  'waitForAll'?: (boolean);
  'closesAtUnixMs'?: (number | string | Long);
  'ballots'?: (_troupe_v1_Ballot)[];
  'result'?: (_troupe_v1_DecisionResult | null);
  '_result'?: "result";
}

export interface Decision__Output {
  'id'?: (string);
  'question'?: (string);
  'options'?: (string)[];
  'electors'?: (string)[];
  'rule'?: (_troupe_v1_DecisionRule__Output);
  'quorum'?: (number);
  'waitForAll'?: (boolean);
  'closesAtUnixMs'?: (number);
  'ballots'?: (_troupe_v1_Ballot__Output)[];
  'result'?: (_troupe_v1_DecisionResult__Output);
  '_result'?: "result";
}
