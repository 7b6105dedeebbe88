import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { drawAccount, outcomeDigest } from '../../../examples/licence-audit/account.ts';
import type { Finding } from '../../../examples/licence-audit/schema.ts';
import { finding } from './findings.ts';

const stats = (index: number, ballots: number, decisions: number) => ({
  index,
  ballots,
  decisions,
  tasksCompleted: 0,
  journalRecords: 0,
  puts: 0,
  values: 0,
  valueBytes: 0,
});
const a = finding('a@1.0.0');
const b = finding('b@1.0.0');
const draw = (findings: readonly Finding[], ballots = 6, decisions = 2) =>
  drawAccount([a.package, b.package], findings, stats(10, 5, 5), stats(30, 5 + ballots, 5 + decisions));

describe('the account', () => {
  test('is even when each package has one finding and the ledger counts the same', () => {
    expect(draw([a, b])).toMatchObject({
      packages: 2,
      ballots: 6,
      decisions: 2,
      lost: 0,
      repeated: 0,
      disagreements: 0,
      needsPerson: 0,
      mismatches: [],
    });
  });

  test('counts a package without a finding as lost', () => {
    expect(draw([a], 3, 1)).toMatchObject({ lost: 1, repeated: 0, mismatches: [] });
  });

  test('counts a second finding of one package as repeated', () => {
    expect(draw([a, b, a])).toMatchObject({ lost: 0, repeated: 1 });
  });

  test('counts a decision that no finding rests on as repeated, and says so', () => {
    expect(draw([a, b], 6, 3)).toMatchObject({
      repeated: 1,
      mismatches: ['the ledger counts 3 decisions, the findings rest on 2'],
    });
  });

  test('says when ballots are missing or too many', () => {
    expect(draw([a, b], 5).mismatches).toEqual(['the ledger counts 5 ballots, the findings carry 6']);
  });

  test('does not accept a decision from before the run', () => {
    const old = { ...b, decision: { ...b.decision, index: 9 } };
    expect(draw([a, old]).mismatches).toEqual([expect.stringContaining('stands at 9')]);
  });

  test('counts a disagreement where two reviewers named different licences, settled or not', () => {
    const dissent = { ...a, opinions: [...a.opinions, { reviewer: 'x', choice: 'ISC', reason: '' }] };
    expect(draw([dissent, { ...b, licence: 'NEEDS-PERSON' }])).toMatchObject({ disagreements: 1, needsPerson: 1 });
  });
});

describe('the outcome digest', () => {
  test('is the SHA-256 of the sorted lines "name@version licence policy"', () => {
    const expected = createHash('sha256').update('a@1.0.0 MIT allowed\nb@1.0.0 MIT allowed').digest('hex');
    expect(outcomeDigest([b, a])).toBe(expected);
  });

  test('changes with a licence and a verdict, and not with how they came about', () => {
    const digest = outcomeDigest([a]);
    expect(outcomeDigest([{ ...a, licence: 'ISC' }])).not.toBe(digest);
    expect(outcomeDigest([{ ...a, policy: 'review' }])).not.toBe(digest);
    expect(outcomeDigest([{ ...a, decision: { id: 'other', index: 99, term: 7, epoch: 3 } }])).toBe(digest);
  });
});
