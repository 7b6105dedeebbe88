import { describe, expect, test } from 'vitest';
import { errorMessage } from '../../../src/core/index.ts';
import { type Account, type Policy, runSeed } from './steps-crash.ts';

/** `STEPS_SEED=7` runs that seed alone; `STEPS_SEEDS=1000` that many. */
const ONLY = process.env.STEPS_SEED;
const SEEDS = Number(process.env.STEPS_SEEDS ?? 40);
const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONLY)];

/** Runs all seeds. What goes wrong is told with the command that does it again. */
async function runs(policy: Policy | undefined, check: (account: Account) => void): Promise<readonly Account[]> {
  const accounts: Account[] = [];
  for (const seed of seeds) {
    try {
      const account = await runSeed(seed, policy);
      check(account);
      accounts.push(account);
    } catch (error) {
      const replay = `STEPS_SEED=${seed} npx vitest run --project fast test/unit/agent/steps-crash.test.ts -t '${policy ?? 'of its own'}'`;
      throw new Error(`seed ${seed}: ${errorMessage(error)}\nagain with: ${replay}`, { cause: error });
    }
  }
  return accounts;
}

const sum = (accounts: readonly Account[], of: (account: Account) => number): number =>
  accounts.reduce((total, account) => total + of(account), 0);

describe('a turn whose node is killed at any moment', () => {
  test('under reconcile comes to its end, with each effect exactly once and each step its own result', async () => {
    const accounts = await runs('reconcile', ({ effects, mixed, steps }) => {
      expect(mixed).toEqual([]);
      expect([...effects.values()]).toEqual(new Array(steps).fill(1));
    });
    // The runs were worth something.
    if (ONLY !== undefined) return;
    expect(sum(accounts, ({ kills }) => kills)).toBeGreaterThan(SEEDS);
    expect(sum(accounts, ({ reconciled }) => reconciled)).toBeGreaterThan(SEEDS / 2);
    // A person is asked only when the tool was away five times.
    expect(sum(accounts, ({ rulings }) => rulings)).toBeLessThan(1 + SEEDS / 20);
  });

  test('under hold does nothing twice, and comes to its end when a person says what happened', async () => {
    const accounts = await runs('hold', ({ effects, mixed, steps }) => {
      expect(mixed).toEqual([]);
      expect([...effects.values()]).toEqual(new Array(steps).fill(1));
    });
    if (ONLY !== undefined) return;
    expect(sum(accounts, ({ rulings }) => rulings)).toBeGreaterThan(SEEDS / 2);
  });

  test('under retry comes to its end, with each effect at least once and each step its own result', async () => {
    const accounts = await runs('retry', ({ effects, mixed, steps }) => {
      expect(mixed).toEqual([]);
      expect(effects.size).toBe(steps);
    });
    if (ONLY !== undefined) return;
    const done = sum(accounts, ({ effects }) => [...effects.values()].reduce((total, times) => total + times, 0));
    const repeated = done - sum(accounts, ({ steps }) => steps);
    // What is done again is what was under way when the node was killed: a kill repeats no more than a step for each branch.
    expect(repeated).toBeGreaterThan(0);
    expect(repeated).toBeLessThan(sum(accounts, ({ kills }) => kills) * 2);
  });

  test('with each step under a policy of its own comes to its end, and gives each step its own result', async () => {
    await runs(undefined, ({ effects, repeated, mixed, steps }) => {
      expect({ mixed, repeated }).toEqual({ mixed: [], repeated: [] });
      expect(effects.size).toBe(steps);
    });
  });
});
