import { describe, expect, test } from 'vitest';
import { Budget } from '../../../src/model/index.ts';

const tokens = (n: number) => ({ tokens: n, costMicroUsd: 0 });
const exceeded = expect.objectContaining({ code: 'BUDGET_EXCEEDED', retryable: false });

describe('a budget', () => {
  test('is spent once, and then refuses', () => {
    const budget = new Budget({ tokens: 100 });
    budget.reserve(tokens(60)).settle(tokens(60));
    expect(() => budget.reserve(tokens(41))).toThrow(exceeded);
    budget.reserve(tokens(40)).settle(tokens(40));
    expect(budget.remaining.tokens).toBe(0);
    expect(() => budget.reserve(tokens(1))).toThrow(exceeded);
    expect(budget.spent).toEqual(tokens(100));
  });

  test('counts calls under way as if they used all they may, and gives back what they did not', () => {
    const budget = new Budget({ tokens: 100 });
    const held = budget.reserve(tokens(80));
    expect(() => budget.reserve(tokens(30))).toThrow(exceeded);
    held.settle(tokens(10));
    expect(budget.remaining.tokens).toBe(90);
    expect(budget.reserved).toEqual(tokens(0));
  });

  test('books a call once, however often it is settled', () => {
    const budget = new Budget({ tokens: 100 });
    const held = budget.reserve(tokens(50));
    held.settle(tokens(20));
    held.settle(tokens(50));
    expect(budget.spent).toEqual(tokens(20));
    expect(budget.reserved).toEqual(tokens(0));
  });

  test('books in full what a call used beyond its reservation', () => {
    const budget = new Budget({ tokens: 100 });
    budget.reserve(tokens(90)).settle(tokens(120));
    expect(budget.spent.tokens).toBe(120);
    expect(budget.remaining.tokens).toBe(0);
  });

  test('limits money beside tokens', () => {
    const budget = new Budget({ costMicroUsd: 500 });
    budget.reserve({ tokens: 1e6, costMicroUsd: 400 }).settle({ tokens: 1e6, costMicroUsd: 400 });
    expect(() => budget.reserve({ tokens: 1, costMicroUsd: 101 })).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED', data: { costMicroUsd: 100 } }),
    );
  });

  test('without limits it only counts', () => {
    const budget = new Budget({});
    budget.reserve(tokens(1e9)).settle({ tokens: 1e9, costMicroUsd: 7 });
    expect(budget.spent).toEqual({ tokens: 1e9, costMicroUsd: 7 });
    expect(budget.remaining.tokens).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([{ tokens: -1 }, { costMicroUsd: Number.NaN }])('a limit that is no amount is refused: %o', (limit) => {
    expect(() => new Budget(limit)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('children', () => {
  test('draw from their parent within limits of their own', () => {
    const team = new Budget({ tokens: 100 });
    const a = team.child({ tokens: 80 });
    const b = team.child({ tokens: 80 });
    a.reserve(tokens(70)).settle(tokens(70));
    expect(() => a.reserve(tokens(11))).toThrow(exceeded);
    expect(b.remaining.tokens).toBe(30);
    expect(() => b.reserve(tokens(31))).toThrow(exceeded);
    b.reserve(tokens(30)).settle(tokens(30));
    expect(team.spent).toEqual(tokens(100));
    expect([a.spent.tokens, b.spent.tokens]).toEqual([70, 30]);
  });

  test('hold nothing anywhere when one of the budgets above refuses', () => {
    const team = new Budget({ tokens: 10 });
    const member = team.child({ tokens: 100 }).child({});
    expect(() => member.reserve(tokens(11))).toThrow(exceeded);
    expect(team.reserved).toEqual(tokens(0));
    expect(member.reserved).toEqual(tokens(0));
  });

  test('know when money is limited above them', () => {
    expect(new Budget({ costMicroUsd: 1 }).child({}).limitsCost).toBe(true);
    expect(new Budget({ tokens: 1 }).child({}).limitsCost).toBe(false);
  });
});

describe('a loan', () => {
  test('is all that is left, until it is settled; what was spent is booked', () => {
    const budget = new Budget({ tokens: 100 });
    budget.reserve(tokens(30)).settle(tokens(30));
    const loan = budget.lend();
    expect(loan.limit).toEqual({ tokens: 70 });
    expect(budget.lend().limit).toEqual({ tokens: 0 });
    loan.settle({ tokens: 20, costMicroUsd: 5 });
    loan.settle(undefined);
    expect(budget.remaining.tokens).toBe(50);
    expect(budget.spent).toEqual({ tokens: 50, costMicroUsd: 5 });
  });

  test('of whose fate nothing is known counts as spent', () => {
    const budget = new Budget({ tokens: 100 });
    budget.lend().settle(undefined);
    expect(budget.spent).toEqual(tokens(100));
  });

  test('of a budget without limits has none, and is counted all the same', () => {
    const budget = new Budget({});
    const loan = budget.lend();
    expect(loan.limit).toEqual({});
    loan.settle(tokens(7));
    expect(budget.spent).toEqual(tokens(7));
    expect(budget.remaining.tokens).toBe(Number.POSITIVE_INFINITY);
  });
});
