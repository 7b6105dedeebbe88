import type { TimelineEntry } from 'troupe';
import type { Account } from '../account.ts';
import { isUnreadable } from '../evidence/review.ts';
import type { Finding, Opinion, Verdict } from '../schema.ts';
import { disagrees, NEEDS_PERSON } from '../schema.ts';

/** Everything the reports are made of. */
export interface Outcome {
  /** The folder that was audited. */
  readonly input: string;
  readonly findings: readonly Finding[];
  /** What was odd while packages were searched, and packages whose audit failed; one line each. */
  readonly problems: readonly string[];
  readonly account: Account;
  readonly elapsedMs: number;
  readonly timeline: readonly TimelineEntry[];
  readonly migratedAgents: number;
  readonly migrationPauseMsP99: number | undefined;
}

/** One licence and how often it was found. */
export interface LicenceCount {
  readonly licence: string;
  readonly policy: Verdict;
  readonly packages: number;
}

/** The reviewers in the order of their columns, with the name a person reads. */
export const REVIEWER_NAMES: readonly (readonly [kind: string, name: string])[] = [
  ['manifest-reviewer', 'manifest'],
  ['text-reviewer', 'text'],
  ['readme-reviewer', 'readme'],
];

/** Licences by number of packages, the most frequent first. */
export function countLicences(findings: readonly Finding[]): LicenceCount[] {
  const counts = new Map<string, LicenceCount>();
  for (const { licence, policy } of findings) {
    counts.set(licence, { licence, policy, packages: (counts.get(licence)?.packages ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.packages - a.packages || (a.licence < b.licence ? -1 : 1));
}

/** Findings that a person must look at. */
export function needingPerson(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.licence === NEEDS_PERSON);
}

/** Findings that were decided against one reviewer. */
export function overruled(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.licence !== NEEDS_PERSON && disagrees(finding));
}

/** Evidence that could not be read, or only in part, one line each. */
export function unreadableEvidence(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap((finding) =>
    finding.opinions.flatMap(({ reason }) => (isUnreadable(reason) ? [`${finding.package.id}: ${reason}`] : [])),
  );
  return [...new Set(lines)];
}

/** A reviewer's opinion about a package, if it gave one. */
export function opinionOf(finding: Finding, kind: string): Opinion | undefined {
  return finding.opinions.find((opinion) => opinion.reviewer === kind);
}

/** Why there is no decision, in a person's words. */
export function whyUndecided(finding: Finding): string {
  if (finding.outcome === 'tie') return 'the reviewers disagree';
  if (finding.outcome === 'no-quorum') return 'too little evidence';
  return finding.outcome === 'expired' ? 'not every reviewer answered in time' : '';
}

/** A duration for a person: `840 ms`, `3.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
