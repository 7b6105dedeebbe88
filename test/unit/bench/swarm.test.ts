import { expect, test } from 'vitest';
import { guessOf, player } from '../../../bench/swarm/player.ts';
import { Round, type Table } from '../../../bench/swarm/round.ts';
import { TroupeError } from '../../../src/core/index.ts';

/** A table whose players answer what `answer` says. */
function table(answer: (seat: number, tries: number) => unknown): Table {
  const tries = new Map<string, number>();
  const ask = async ({ kind, key }: { readonly kind: string; readonly key: string }): Promise<unknown> => {
    expect(kind).toBe(player.kind);
    tries.set(key, (tries.get(key) ?? 0) + 1);
    return answer(Number(key), tries.get(key) ?? 0);
  };
  return { host: { ask } } as unknown as Table;
}
const right = (seat: number): unknown => [seat, guessOf(seat)];

test('a round counts every seat once', async () => {
  const result = await new Round(table(right), 1_000, 0, 500).play();
  expect(result).toMatchObject({ answers: 1_000, countedTwice: 0, wrong: 0, failures: 0 });
  const guesses = Array.from({ length: 1_000 }, (_, at) => guessOf(at + 500));
  expect(result.target).toBeCloseTo((guesses.reduce((sum, guess) => sum + guess, 0) / 1_000) * (2 / 3));
});

test('a seat that answers for another is counted twice, and the other is missing', async () => {
  const result = await new Round(
    table((seat) => right(seat === 7 ? 8 : seat)),
    100,
    0,
  ).play();
  expect(result).toMatchObject({ answers: 99, countedTwice: 1, wrong: 0 });
});

test('what a seat can’t have said is wrong, what failed is told', async () => {
  const failing = table((seat) => {
    if (seat === 3) throw new TroupeError('TIMEOUT', 'silent');
    return seat === 5 ? [5, guessOf(5) + 1] : seat === 6 ? [100, guessOf(100)] : right(seat);
  });
  const result = await new Round(failing, 100, 0).play();
  expect(result).toMatchObject({ answers: 97, wrong: 2, failures: 1, failure: { code: 'TIMEOUT' } });
});

test('a refused ask is made again', async () => {
  const busy = table((seat, tries) => {
    if (seat === 3 && tries === 1) throw new TroupeError('OVERLOADED', 'later');
    return right(seat);
  });
  expect(await new Round(busy, 10, 0).play()).toMatchObject({ answers: 10, refused: 1, failures: 0 });
});
