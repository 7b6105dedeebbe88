import { createHash } from 'node:crypto';
import type { LedgerStats } from 'troupe';
import type { Finding, Package } from './schema.ts';
import { disagrees, NEEDS_PERSON } from './schema.ts';

/** The sums of a run, and whether the ledger's own counts agree with them. */
export interface Account {
  readonly packages: number;
  /** Counted by the ledger during the run. */
  readonly ballots: number;
  /** Counted by the ledger during the run. */
  readonly decisions: number;
  /** Packages without a finding. */
  readonly lost: number;
  /** Findings or decisions beyond one per package. */
  readonly repeated: number;
  readonly disagreements: number;
  readonly needsPerson: number;
  /** SHA-256, in hexadecimal, of the sorted lines "name@version licence policy". */
  readonly outcomeDigest: string;
  /** What doesn't add up, one line each; empty when the ledger agrees. */
  readonly mismatches: readonly string[];
}

/**
 * Draws up the account of a run.
 *
 * @param findings as they were reported, a repeated one twice
 * @param before the ledger's totals before the first package
 * @param after the same after the last
 */
export function drawAccount(
  packages: readonly Package[],
  findings: readonly Finding[],
  before: LedgerStats,
  after: LedgerStats,
): Account {
  const byPackage = new Map(findings.map((finding) => [finding.package.id, finding]));
  const single = [...byPackage.values()];
  const decisions = after.decisions - before.decisions;
  const ballots = after.ballots - before.ballots;
  const cast = single.reduce((sum, finding) => sum + finding.opinions.length, 0);
  const ids = new Set(single.map((finding) => finding.decision.id)).size;
  const mismatches: string[] = [];
  if (decisions !== ids) mismatches.push(`the ledger counts ${decisions} decisions, the findings rest on ${ids}`);
  if (ballots !== cast) mismatches.push(`the ledger counts ${ballots} ballots, the findings carry ${cast}`);
  for (const finding of single) {
    const at = finding.decision.index;
    if (at <= before.index || at > after.index)
      mismatches.push(`${finding.decision.id} stands at ${at}, outside of this run's part of the log`);
  }
  return {
    packages: packages.length,
    ballots,
    decisions,
    lost: packages.filter((each) => !byPackage.has(each.id)).length,
    repeated: findings.length - single.length + Math.max(0, decisions - ids),
    disagreements: single.filter(disagrees).length,
    needsPerson: single.filter((finding) => finding.licence === NEEDS_PERSON).length,
    outcomeDigest: outcomeDigest(single),
    mismatches,
  };
}

/** SHA-256 of the sorted lines "name@version licence policy": equal outcomes have equal digests, whatever happened on the way. */
export function outcomeDigest(findings: readonly Finding[]): string {
  const lines = findings.map(({ package: { id }, licence, policy }) => `${id} ${licence} ${policy}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
