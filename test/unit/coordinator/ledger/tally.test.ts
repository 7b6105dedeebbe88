import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ballot, DecisionRule } from '../../../../src/coordinator/index.ts';
import { closeTally, earlyTally, type Outcome, type Poll } from '../../../../src/coordinator/ledger/tally.ts';

const poll = (rule: DecisionRule, electors: number, quorum = 0, options?: number): Poll => ({
  rule,
  electors,
  quorum,
  options,
});
const ballots = (...choices: (string | undefined)[]): Ballot[] =>
  choices.map((choice, i) => (choice === undefined ? { member: `m${i}` } : { member: `m${i}`, choice }));

/** The rules again, in other words: over plain counts, with no shortcut. */
function judge({ rule, electors, quorum }: Poll, cast: readonly Ballot[]): string {
  const counts = new Map<string, number>();
  for (const { choice } of cast) if (choice !== undefined) counts.set(choice, (counts.get(choice) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  if (total < quorum) return 'no-quorum';
  const winners = [...counts.keys()].filter((choice) => {
    const mine = counts.get(choice) ?? 0;
    if (rule === 'majority') return mine > electors - mine;
    if (rule === 'plurality') return [...counts].every(([other, n]) => other === choice || n < mine);
    return cast.length === electors && mine === total;
  });
  return winners.length === 1 ? `decided ${winners[0]}` : 'nobody';
}

function short({ outcome, choice }: Outcome): string {
  return outcome === 'decided' ? `decided ${choice}` : outcome === 'no-quorum' ? outcome : 'nobody';
}

/** Every way in which the missing electors may act: vote for an option, abstain, or stay away. */
function* completions(cast: readonly Ballot[], missing: number, options: readonly string[]): Generator<Ballot[]> {
  if (missing === 0) {
    yield [...cast];
    return;
  }
  yield* completions(cast, missing - 1, options);
  for (const choice of [undefined, ...options]) {
    const ballot = choice === undefined ? { member: 'x' } : { member: 'x', choice };
    yield* completions([...cast, ballot], missing - 1, options);
  }
}

const polls = fc.record({
  rule: fc.constantFrom<DecisionRule>('majority', 'plurality', 'unanimous'),
  electors: fc.integer({ min: 1, max: 5 }),
  quorum: fc.integer({ min: 0, max: 5 }),
  named: fc.integer({ min: 0, max: 3 }),
  choices: fc.array(fc.constantFrom('a', 'b', 'c', undefined), { maxLength: 5 }),
});

describe('tally', () => {
  test('closing agrees with the rules told in other words', () => {
    fc.assert(
      fc.property(polls, ({ rule, electors, quorum, choices }) => {
        const cast = ballots(...choices.slice(0, electors));
        expect(short(closeTally(poll(rule, electors, quorum), cast))).toBe(judge(poll(rule, electors, quorum), cast));
      }),
      { numRuns: 500 },
    );
  });

  test('it stops early exactly when no way of voting on can change the result', () => {
    fc.assert(
      fc.property(polls, ({ rule, electors, quorum, named, choices }) => {
        const options = named === 0 ? undefined : ['a', 'b', 'c'].slice(0, named);
        const cast = ballots(
          ...choices
            .slice(0, electors)
            .map((choice) => (options && choice && !options.includes(choice) ? 'a' : choice)),
        );
        const given = poll(rule, electors, quorum, options?.length);
        // Without options anybody may name something new, and two may name the same.
        const open = options ?? ['a', 'b', 'c', 'new'];
        const results = new Set<string>();
        for (const all of completions(cast, electors - cast.length, open)) results.add(judge(given, all));
        const early = earlyTally(given, cast);
        if (results.size === 1) expect(early && short(early)).toBe([...results][0]);
        else expect(early).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  test('says tie when nobody can win any more, and expired when ballots were missing', () => {
    expect(closeTally(poll('majority', 3), ballots('a', 'b', 'c')).outcome).toBe('tie');
    expect(closeTally(poll('majority', 5), ballots('a', 'a')).outcome).toBe('expired');
    expect(closeTally(poll('plurality', 5), ballots('a', 'b')).outcome).toBe('tie');
    expect(closeTally(poll('plurality', 5), []).outcome).toBe('expired');
    expect(closeTally(poll('unanimous', 3), ballots('a', 'a')).outcome).toBe('expired');
  });

  test('abstentions count for nothing but presence', () => {
    expect(closeTally(poll('unanimous', 3), ballots('a', undefined, 'a'))).toEqual({
      outcome: 'decided',
      choice: 'a',
      tally: { a: 2 },
    });
    expect(closeTally(poll('majority', 3, 2), ballots('a', undefined, undefined)).outcome).toBe('no-quorum');
  });
});
