import type { Host, VoteRequest } from '../agent/index.ts';
import type { DecisionRecord } from '../coordinator/index.ts';
import { type AgentAddress, agentAddressKey, TroupeError } from '../core/index.ts';
import type { DecideOptions } from './team.ts';

/** Time limit of a decision that names none, ms. */
const DEADLINE_MS = 10_000;

/**
 * Puts a question to every member and resolves with the one result that the ledger committed. A member that fails or stays
 * silent costs its ballot; the deadline closes the decision with what there is.
 *
 * @throws TroupeError ALREADY_EXISTS when the id names another question, CANCELLED, or what the ledger refused
 */
export async function decide(
  host: Host,
  members: readonly AgentAddress[],
  options: DecideOptions,
  voteMethod: string,
): Promise<DecisionRecord> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const opened = await host.openDecision({
    id: options.id ?? host.freshId(),
    question: options.question,
    ...(options.options === undefined ? {} : { options: options.options }),
    electors: members.map(agentAddressKey),
    rule: options.rule ?? 'majority',
    quorum: options.quorum ?? 1,
    earlyStop: options.earlyStop ?? true,
    deadlineMs,
  });
  if (opened.result !== undefined) return opened;
  const request: VoteRequest = {
    decision: opened.id,
    question: opened.question,
    ...(opened.options === undefined ? {} : { options: opened.options }),
    subject: options.subject,
  };
  const stop = new AbortController();
  const share = host.budget?.part(members.length);
  const votes = members.map((member) =>
    host.ask(member, voteMethod, request, {
      timeoutMs: deadlineMs,
      signal: stop.signal,
      requestId: `vote/${opened.id}/${agentAddressKey(member)}`,
      budget: share && host.budget?.child(share),
    }),
  );
  try {
    // When every member answered or failed and no result came, nothing more will: close it rather than wait for the deadline.
    const close = Promise.allSettled(votes).then(() => host.closeDecision(opened.id));
    close.catch(() => undefined);
    return await host.decisionClosed(opened.id, stop.signal);
  } finally {
    stop.abort(new TroupeError('CANCELLED', 'the decision is closed', { address: opened.id }));
  }
}
