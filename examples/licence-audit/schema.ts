import { z } from 'zod';

/** A package as agents hear of it: small, because the nodes read the evidence themselves. */
export const Package = z.object({
  /** `name@version`, unique in a run. */
  id: z.string().min(1),
  name: z.string().min(1),
  version: z.string(),
  /** Absolute path of the folder. */
  directory: z.string(),
  /** How many folders hold this name and version; this one stands for all. */
  copies: z.number().int().min(1),
});
/** What the schema of this name lets through. */
export type Package = z.infer<typeof Package>;

/** What a policy says about a licence, from best to worst. */
export const Verdict = z.enum(['allowed', 'review', 'denied']);
/** What the schema of this name lets through. */
export type Verdict = z.infer<typeof Verdict>;

/** Which licences are welcome. Entries are SPDX ids, `ID WITH exception`, or a prefix with a star: `GPL-*`. */
export const Policy = z.strictObject({
  allowed: z.array(z.string()).default([]),
  review: z.array(z.string()).default([]),
  denied: z.array(z.string()).default([]),
  /** For licences that no list names. */
  otherwise: Verdict.default('review'),
});
/** What the schema of this name lets through. */
export type Policy = z.infer<typeof Policy>;

/** The order to audit one package. Without a policy the default one holds. */
export const Order = z.object({ run: z.string().min(1), package: Package, policy: Policy.optional() });
/** What the schema of this name lets through. */
export type Order = z.infer<typeof Order>;

/** One reviewer's ballot as the ledger recorded it. */
export const Opinion = z.object({ reviewer: z.string(), choice: z.string().optional(), reason: z.string() });
/** What the schema of this name lets through. */
export type Opinion = z.infer<typeof Opinion>;

/** What the team found about one package. */
export const Finding = z.object({
  package: Package,
  /** Normal SPDX expression, or `NEEDS-PERSON`. */
  licence: z.string(),
  policy: Verdict,
  outcome: z.enum(['decided', 'tie', 'no-quorum', 'expired']),
  opinions: z.array(Opinion),
  /** Where the decision stands in the ledger. */
  decision: z.object({ id: z.string(), index: z.number(), term: z.number(), epoch: z.number() }),
});
/** What the schema of this name lets through. */
export type Finding = z.infer<typeof Finding>;

/** Stands for the licence when the team can't say. */
export const NEEDS_PERSON = 'NEEDS-PERSON';

/** What `package.json` says when nobody may use the package. */
export const UNLICENSED = 'UNLICENSED';

/** Whether the reviewers who voted named different licences. */
export function disagrees(finding: Finding): boolean {
  return new Set(finding.opinions.flatMap((opinion) => opinion.choice ?? [])).size > 1;
}
