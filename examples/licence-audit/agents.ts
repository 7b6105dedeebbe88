import type { AgentAddress, AgentDefinition, Vote } from 'troupe';
import { agentAddressKey, defineAgent, team } from 'troupe';
import { reviewManifest } from './evidence/manifest.ts';
import { reviewReadme } from './evidence/readme.ts';
import type { Review } from './evidence/review.ts';
import { reviewText } from './evidence/text.ts';
import { applyPolicy, DEFAULT_POLICY } from './policy.ts';
import type { Opinion } from './schema.ts';
import { Finding, NEEDS_PERSON, Order, Package } from './schema.ts';

/** Long enough for a ballot to outlive the loss of a node and of the leader; an unhurt one takes milliseconds. */
const decisionMs = 45_000;

/** Reviewers keep nothing but their ballots, which the ledger holds, so they are the first to sit on cheap machines. */
function defineReviewer(
  kind: string,
  review: (directory: string) => Promise<Review>,
): AgentDefinition<null, Record<never, never>> {
  return defineAgent(kind, {
    state: () => null,
    messages: {},
    handlers: {},
    placement: { prefer: { capacity: 'spot' } },
    async vote(ctx, request): Promise<Vote> {
      const { directory } = Package.parse(request.subject);
      // The receipt keeps what was read: a reviewer that is moved or restarted votes as before.
      const { expression, reason } = await ctx.step('read evidence', () => review(directory));
      return expression === undefined ? { reason } : { choice: expression, reason };
    },
  });
}

/** Votes by the manifest's licence field. */
export const manifestReviewer: AgentDefinition<null, Record<never, never>> = defineReviewer(
  'manifest-reviewer',
  reviewManifest,
);

/** Votes by the text of the licence files. */
export const textReviewer: AgentDefinition<null, Record<never, never>> = defineReviewer(
  'text-reviewer',
  async (directory) => reviewText(directory, (await reviewManifest(directory)).expression),
);

/** Votes by the readme and the headers of source files. */
export const readmeReviewer: AgentDefinition<null, Record<never, never>> = defineReviewer(
  'readme-reviewer',
  reviewReadme,
);

const REVIEWERS = [manifestReviewer, textReviewer, readmeReviewer] as const;
const MESSAGES = { audit: { input: Order, output: Finding } } as const;

/** Puts one package to its three reviewers, applies the policy and keeps the finding. */
export const licenceAuditor: AgentDefinition<{ readonly finding?: Finding }, typeof MESSAGES> = defineAgent(
  'licence-auditor',
  {
    state: (): { readonly finding?: Finding } => ({}),
    messages: MESSAGES,
    handlers: {
      async audit(ctx, order) {
        const item = order.package;
        const members: AgentAddress[] = REVIEWERS.map(({ kind }) => ({ kind, key: item.id }));
        const record = await team(ctx.host, 'reviewers', { members }).decide({
          // The same order is the same decision, however often the turn runs.
          id: `${order.run}/${item.id}`,
          question: `Under which licence may ${item.id} be used?`,
          subject: item,
          rule: 'majority',
          quorum: 2,
          // All three are heard, so that disagreement shows.
          earlyStop: false,
          deadlineMs: decisionMs,
        });
        const { outcome = 'expired', choice, index = 0, term = 0, epoch = 0 } = record.result ?? {};
        const licence = outcome === 'decided' && choice !== undefined ? choice : NEEDS_PERSON;
        const opinions = members.flatMap((member): Opinion[] => {
          const ballot = record.ballots.find((each) => each.member === agentAddressKey(member));
          return ballot === undefined ? [] : [{ reviewer: member.kind, reason: '', ...pick(ballot) }];
        });
        const finding: Finding = {
          package: item,
          licence,
          policy: applyPolicy(order.policy ?? DEFAULT_POLICY, licence),
          outcome,
          opinions,
          decision: { id: record.id, index, term, epoch },
        };
        ctx.setState({ finding });
        return finding;
      },
    },
  },
);

function pick(ballot: { readonly choice?: string; readonly reason?: string }): Partial<Opinion> {
  return {
    ...(ballot.choice === undefined ? {} : { choice: ballot.choice }),
    ...(ballot.reason === undefined ? {} : { reason: ballot.reason }),
  };
}
