import type { Ballot, Commands, DecisionRecord, DecisionResult, DecisionRule } from '../coordinator/index.ts';
import type { Ballot__Output } from '../wire/generated/troupe/v1/Ballot.ts';
import type { Decision, Decision__Output } from '../wire/generated/troupe/v1/Decision.ts';
import type {
  OpenDecisionRequest,
  OpenDecisionRequest__Output,
} from '../wire/generated/troupe/v1/OpenDecisionRequest.ts';

type OpenRequest = Commands['decision.open']['request'];

const DEADLINE_MS = 10_000;

const RULE_MESSAGE = {
  majority: 'DECISION_RULE_MAJORITY',
  plurality: 'DECISION_RULE_PLURALITY',
  unanimous: 'DECISION_RULE_UNANIMOUS',
} as const satisfies Record<DecisionRule, string>;

const RULE_RECORD: Readonly<Record<string, DecisionRule>> = {
  DECISION_RULE_MAJORITY: 'majority',
  DECISION_RULE_PLURALITY: 'plurality',
  DECISION_RULE_UNANIMOUS: 'unanimous',
};

const OUTCOME_MESSAGE = {
  decided: 'DECISION_OUTCOME_DECIDED',
  tie: 'DECISION_OUTCOME_TIE',
  'no-quorum': 'DECISION_OUTCOME_NO_QUORUM',
  expired: 'DECISION_OUTCOME_EXPIRED',
} as const satisfies Record<DecisionResult['outcome'], string>;

const OUTCOME_RECORD: Readonly<Record<string, DecisionResult['outcome']>> = {
  DECISION_OUTCOME_DECIDED: 'decided',
  DECISION_OUTCOME_TIE: 'tie',
  DECISION_OUTCOME_NO_QUORUM: 'no-quorum',
  DECISION_OUTCOME_EXPIRED: 'expired',
};

/** A decision as the API shows it. */
export function toDecision(record: DecisionRecord): Decision {
  const { result } = record;
  return {
    id: record.id,
    question: record.question,
    options: [...(record.options ?? [])],
    electors: [...record.electors],
    rule: RULE_MESSAGE[record.rule],
    quorum: record.quorum,
    waitForAll: !record.earlyStop,
    closesAtUnixMs: record.closesAt,
    ballots: [...record.ballots],
    ...(result === undefined ? {} : { result: { ...result, outcome: OUTCOME_MESSAGE[result.outcome] } }),
  };
}

/** The record behind the message of the same name. */
export function fromBallot(ballot: Ballot__Output | null | undefined): Ballot {
  return {
    member: ballot?.member ?? '',
    ...(ballot?.choice === undefined ? {} : { choice: ballot.choice }),
    ...(ballot?.reason === undefined ? {} : { reason: ballot.reason }),
  };
}

function fromResult(result: NonNullable<Decision__Output['result']>): DecisionResult {
  return {
    outcome: OUTCOME_RECORD[result.outcome ?? ''] ?? 'expired',
    ...(result.choice === undefined ? {} : { choice: result.choice }),
    tally: result.tally ?? {},
    index: result.index ?? 0,
    term: result.term ?? 0,
    epoch: result.epoch ?? 0,
  };
}

/** The record behind `toDecision`. */
export function fromDecision(decision: Decision__Output): DecisionRecord {
  const options = decision.options ?? [];
  return {
    id: decision.id ?? '',
    question: decision.question ?? '',
    ...(options.length === 0 ? {} : { options }),
    electors: decision.electors ?? [],
    rule: RULE_RECORD[decision.rule ?? ''] ?? 'majority',
    quorum: decision.quorum ?? 0,
    earlyStop: !(decision.waitForAll ?? false),
    closesAt: decision.closesAtUnixMs ?? 0,
    ballots: (decision.ballots ?? []).map(fromBallot),
    ...(decision.result == null ? {} : { result: fromResult(decision.result) }),
  };
}

/** A request to open a decision as the API carries it. */
export function toOpenDecision(request: OpenRequest): OpenDecisionRequest {
  return {
    id: request.id,
    question: request.question,
    options: [...(request.options ?? [])],
    electors: [...request.electors],
    rule: RULE_MESSAGE[request.rule],
    quorum: request.quorum,
    waitForAll: !request.earlyStop,
    deadlineMs: request.deadlineMs,
  };
}

/** The command behind `toOpenDecision`, with the defaults that api.proto promises. */
export function fromOpenDecision(request: OpenDecisionRequest__Output): OpenRequest {
  const options = request.options ?? [];
  return {
    id: request.id ?? '',
    question: request.question ?? '',
    ...(options.length === 0 ? {} : { options }),
    electors: request.electors ?? [],
    rule: RULE_RECORD[request.rule ?? ''] ?? 'majority',
    quorum: request.quorum || 1,
    earlyStop: !(request.waitForAll ?? false),
    deadlineMs: request.deadlineMs || DEADLINE_MS,
  };
}
