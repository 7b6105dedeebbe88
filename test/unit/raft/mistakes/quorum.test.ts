import { describe, expect, test } from 'vitest';
import { type Configuration, quorumIndex, voteResult } from '../../../../src/raft/consensus/index.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

function subsets(ids: readonly string[]): string[][] {
  return Array.from({ length: 2 ** ids.length }, (_, mask) => ids.filter((_id, at) => ((mask >> at) & 1) === 1));
}

/** Every configuration over these ids, simple and joint. */
function* configurations(ids: readonly string[]): Generator<Configuration> {
  const sets = subsets(ids).filter((set) => set.length > 0);
  for (const voters of sets) {
    yield { voters };
    for (const votersOutgoing of sets) yield { voters, votersOutgoing };
  }
}

/** Every way to give each id one of these values. */
function* assignments<T>(ids: readonly string[], values: readonly T[]): Generator<(id: string) => T> {
  for (let code = 0; code < values.length ** ids.length; code++) {
    yield (id) => values[Math.floor(code / values.length ** ids.indexOf(id)) % values.length] as T;
  }
}

function agreed({ voters, votersOutgoing = voters }: Configuration, yes: (id: string) => boolean): boolean {
  return [voters, votersOutgoing].every((set) => 2 * set.filter(yes).length > set.length);
}

/** Against all there is: 4 ids and every assignment, 5 ids and those that differ in two values. */
describe('mistake 23: quorum arithmetic, simple and joint, equals brute force', () => {
  test.each([
    [IDS.slice(0, 4), 4],
    [IDS, 2],
  ])('the committed index over %j with %i values', (ids, count) => {
    const values = Array.from({ length: count }, (_, value) => value);
    let wrong = 0;
    for (const configuration of configurations(ids)) {
      for (const reached of assignments(ids, values)) {
        const expected = values.findLast((index) => agreed(configuration, (id) => reached(id) >= index)) as number;
        if (quorumIndex(configuration, reached) !== expected) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  test('a vote is won, lost or pending exactly when no answers still out could change it', () => {
    const ids = IDS.slice(0, 4);
    let wrong = 0;
    for (const configuration of configurations(ids)) {
      for (const said of assignments(ids, [true, false, undefined])) {
        const won = (rest: boolean): boolean => agreed(configuration, (id) => said(id) ?? rest);
        const expected = won(false) ? 'won' : won(true) ? 'pending' : 'lost';
        if (voteResult(configuration, said) !== expected) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
});
