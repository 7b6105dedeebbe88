// Original file: proto/troupe/v1/api.proto

export const DecisionRule = {
  DECISION_RULE_UNSPECIFIED: 'DECISION_RULE_UNSPECIFIED',
  DECISION_RULE_MAJORITY: 'DECISION_RULE_MAJORITY',
  DECISION_RULE_PLURALITY: 'DECISION_RULE_PLURALITY',
  DECISION_RULE_UNANIMOUS: 'DECISION_RULE_UNANIMOUS',
} as const;

export type DecisionRule =
  | 'DECISION_RULE_UNSPECIFIED'
  | 0
  | 'DECISION_RULE_MAJORITY'
  | 1
  | 'DECISION_RULE_PLURALITY'
  | 2
  | 'DECISION_RULE_UNANIMOUS'
  | 3

export type DecisionRule__Output = typeof DecisionRule[keyof typeof DecisionRule]
