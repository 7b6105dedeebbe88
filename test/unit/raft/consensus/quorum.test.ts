import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Configuration, quorumIndex, voteResult } from '../../../../src/raft/consensus/index.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const voters = fc.subarray(IDS, { minLength: 1 });
const configurations: fc.Arbitrary<Configuration> = fc.record(
  { voters, votersOutgoing: voters, learners: fc.subarray(IDS) },
  { requiredKeys: ['voters'] },
);

function setsOf(configuration: Configuration): (readonly string[])[] {
  return [configuration.voters, configuration.votersOutgoing ?? []].filter((set) => set.length > 0);
}

function more(set: readonly string[], yes: (id: string) => boolean): boolean {
  return 2 * set.filter(yes).length > set.length;
}

describe('quorum arithmetic (mistake 23)', () => {
  test('the committed index is the largest that a majority of each set has reached', () => {
    const reached = fc.array(fc.nat(9), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(configurations, reached, (configuration, values) => {
        const at = (id: string): number => values[IDS.indexOf(id)]!;
        const agreed = (index: number): boolean =>
          setsOf(configuration).every((set) => more(set, (id) => at(id) >= index));
        let expected = 0;
        while (agreed(expected + 1)) expected++;
        expect(quorumIndex(configuration, at)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a vote is won, lost or pending exactly when no answers still out could change it', () => {
    const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(configurations, answers, (configuration, cast) => {
        const said = (id: string): boolean | undefined => cast[IDS.indexOf(id)];
        const won = (rest: boolean): boolean =>
          setsOf(configuration).every((set) => more(set, (id) => said(id) ?? rest));
        const expected = won(false) ? 'won' : won(true) ? 'pending' : 'lost';
        expect(voteResult(configuration, said)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});
