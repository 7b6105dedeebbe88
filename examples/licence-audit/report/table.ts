import type { Finding } from '../schema.ts';
import type { Outcome } from './outcome.ts';
import {
  countLicences,
  formatMs,
  needingPerson,
  opinionOf,
  overruled,
  REVIEWER_NAMES,
  unreadableEvidence,
  whyUndecided,
} from './outcome.ts';

const licencesMax = 30;
const findingsMax = 20;
const linesMax = 20;
const reasonCharsMax = 100;

/** The outcome for a terminal; long lists end with a hint at the files. */
export function toTable(outcome: Outcome): string {
  const { account, findings } = outcome;
  const person = needingPerson(findings);
  const against = overruled(findings);
  return [
    `Licence audit of ${outcome.input}: ${account.packages} packages in ${formatMs(outcome.elapsedMs)}`,
    '',
    ...licenceTable(outcome),
    ...findingList('Needs a person', person, (finding) => whyUndecided(finding)),
    ...findingList('Disagreements settled by majority', against, (finding) => `decided: ${finding.licence}`),
    ...lineList('Evidence that could not be read', unreadableEvidence(findings)),
    ...lineList('Odd on the way', outcome.problems),
    ...lineList('Faults', faultLines(outcome)),
    ...accountLines(outcome),
  ].join('\n');
}

/** One line per fault of the run: when, what, whom, and how long it hurt. */
export function faultLines(outcome: Outcome): string[] {
  return outcome.timeline.flatMap((entry) => {
    if (entry.type !== 'fault') return [];
    const preempted = entry.fault === 'preempt';
    const what = preempted ? `${entry.node} preempted` : `${entry.node}, the leader, killed`;
    const hurt =
      entry.hurtMs === undefined
        ? 'not over when the run ended'
        : `${preempted ? 'empty' : 'next decision'} after ${formatMs(entry.hurtMs)}`;
    return [`at ${formatMs(entry.atMs)}  ${what}; ${hurt}`];
  });
}

function licenceTable({ findings }: Outcome): string[] {
  const counts = countLicences(findings);
  const shown = counts.slice(0, licencesMax);
  const width = Math.max(7, ...shown.map((count) => count.licence.length));
  const rows = shown.map(
    (count) => `  ${count.licence.padEnd(width)}  ${String(count.packages).padStart(8)}  ${count.policy}`,
  );
  return [`  ${'licence'.padEnd(width)}  packages  policy`, ...rows, ...more(counts.length - shown.length), ''];
}

function findingList(title: string, findings: readonly Finding[], note: (finding: Finding) => string): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, findingsMax);
  const lines = shown.flatMap((finding) => {
    const opinions = REVIEWER_NAMES.map(([kind, name]) => [name, opinionOf(finding, kind)] as const);
    const width = Math.max(...opinions.map(([, opinion]) => opinion?.choice?.length ?? 1));
    return [
      `  ${finding.package.id}  (${note(finding)})`,
      ...opinions.map(
        ([name, opinion]) =>
          `    ${name.padEnd(8)}  ${(opinion?.choice ?? '-').padEnd(width)}  ${shorten(opinion?.reason ?? 'no ballot')}`,
      ),
    ];
  });
  return [`${title} (${findings.length})`, ...lines, ...more(findings.length - shown.length), ''];
}

function lineList(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, linesMax);
  return [`${title} (${lines.length})`, ...shown.map((line) => `  ${line}`), ...more(lines.length - shown.length), ''];
}

function accountLines({ account, migratedAgents, migrationPauseMsP99 }: Outcome): string[] {
  const pause =
    migrationPauseMsP99 === undefined ? '' : `, away for ${formatMs(migrationPauseMsP99)} at most in 99 of 100 cases`;
  return [
    `Account: ${account.packages} packages, ${account.ballots} ballots, ${account.decisions} decisions, ` +
      `lost ${account.lost}, repeated ${account.repeated}; ${account.needsPerson} need a person, ${account.disagreements} disagreements`,
    ...(account.mismatches.length === 0
      ? ['  the ledger agrees']
      : account.mismatches.slice(0, linesMax).map((line) => `  MISMATCH: ${line}`)),
    ...(migratedAgents === 0 ? [] : [`  ${migratedAgents} agents moved${pause}`]),
    `  outcome ${account.outcomeDigest}`,
  ];
}

function more(left: number): string[] {
  return left > 0 ? [`  … and ${left} more, in the CSV and the page`] : [];
}

function shorten(text: string): string {
  return text.length <= reasonCharsMax ? text : `${text.slice(0, reasonCharsMax - 1)}…`;
}
