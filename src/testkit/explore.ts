import { errorMessage, TroupeError } from '../core/index.ts';
import { TestSystem, type TestSystemOptions } from './test-system.ts';

/** How many orders are tried. */
export interface ExploreOptions extends Omit<TestSystemOptions, 'seed'> {
  /** Default 100: seeds 1 to 100. */
  readonly seeds?: number;
}

/** The environment variable that names the one seed to run. */
export const SEED_VARIABLE = 'TROUPE_SEED';

/**
 * Runs a test again and again, each time with another order of the actors' turns. A seed that fails is named, and runs alone,
 * the same again, with `TROUPE_SEED=17` in the environment.
 *
 * @example
 * await explore(async (kit) => {
 *   const account = kit.spawn(accountOf(100));
 *   …
 *   await probe.expectMessage({ balance: 0 });
 * });
 * @throws TroupeError EXPECTATION_FAILED for the first seed that fails, with what was thrown as its cause
 */
export async function explore(run: (kit: TestSystem) => Promise<void>, options: ExploreOptions = {}): Promise<void> {
  const { seeds = 100, ...system } = options;
  const only = Number(process.env[SEED_VARIABLE] ?? Number.NaN);
  const [first, last] = Number.isInteger(only) ? [only, only] : [1, seeds];
  for (let seed = first; seed <= last; seed++) {
    await using kit = new TestSystem({ ...system, seed });
    try {
      await run(kit);
    } catch (error) {
      const what = `seed ${seed} fails: ${errorMessage(error)}. Run it alone with ${SEED_VARIABLE}=${seed}`;
      throw new TroupeError('EXPECTATION_FAILED', what, { cause: error, data: { seed } });
    }
  }
}
