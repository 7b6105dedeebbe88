import type { Finding } from '../schema.ts';
import { opinionOf, REVIEWER_NAMES } from './outcome.ts';

/** The findings as CSV (RFC 4180, CRLF), one line per package, sorted as they are. */
export function toCsv(findings: readonly Finding[]): string {
  const reviewers = REVIEWER_NAMES.flatMap(([, name]) => [name, `${name} reason`]);
  const head = [
    'package',
    'version',
    'licence',
    'policy',
    'outcome',
    ...reviewers,
    'copies',
    'decision',
    'index',
    'directory',
  ];
  const rows = findings.map((finding) => {
    const { name, version, copies, directory } = finding.package;
    const opinions = REVIEWER_NAMES.flatMap(([kind]) => {
      const opinion = opinionOf(finding, kind);
      return [opinion?.choice ?? '', opinion?.reason ?? ''];
    });
    const { id, index } = finding.decision;
    return [
      name,
      version,
      finding.licence,
      finding.policy,
      finding.outcome,
      ...opinions,
      String(copies),
      id,
      String(index),
      directory,
    ];
  });
  return [head, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

/**
 * One field of a CSV line. Text that a spreadsheet would run as a formula is given a leading apostrophe: package authors
 * write these fields. A scope such as `@grpc/` is no formula.
 */
export function csvField(value: string): string {
  const safe = /^(?:[=+\-\t\r]|@(?![a-z0-9~-][\w.~-]*\/))/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
