// Original file: proto/troupe/v1/api.proto

import type { DecisionRule as _troupe_v1_DecisionRule, DecisionRule__Output as _troupe_v1_DecisionRule__Output } from '../../troupe/v1/DecisionRule.ts';

export interface OpenDecisionRequest {
  'id'?: (string);
  'question'?: (string);
  'options'?: (string)[];
  'electors'?: (string)[];
  'rule'?: (_troupe_v1_DecisionRule);
  'quorum'?: (number);
  'waitForAll'?: (boolean);
  'deadlineMs'?: (number);
}

export interface OpenDecisionRequest__Output {
  'id'?: (string);
  'question'?: (string);
  'options'?: (string)[];
  'electors'?: (string)[];
  'rule'?: (_troupe_v1_DecisionRule__Output);
  'quorum'?: (number);
  'waitForAll'?: (boolean);
  'deadlineMs'?: (number);
}
