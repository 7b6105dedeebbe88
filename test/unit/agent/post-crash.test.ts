import { expect, test } from 'vitest';
import { errorMessage } from '../../../src/core/index.ts';
import { BATCHES, runSeed } from './post-crash.ts';

/** `POST_SEED=7` runs that seed alone; `POST_SEEDS=1000` that many. */
const ONLY = process.env.POST_SEED;
const SEEDS = Number(process.env.POST_SEEDS ?? 12);
const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONLY)];

test('messages between agents whose nodes are killed at any moment take effect once and in order, and each timer rings once', async () => {
  let kills = 0;
  for (const seed of seeds) {
    try {
      const account = await runSeed(seed);
      expect(account.effects).toEqual(account.expected);
      expect(account.rings).toEqual(account.rings.map(() => BATCHES));
      kills += account.kills;
    } catch (error) {
      const replay = `POST_SEED=${seed} npx vitest run --project fast test/unit/agent/post-crash.test.ts`;
      throw new Error(`seed ${seed}: ${errorMessage(error)}\nagain with: ${replay}`, { cause: error });
    }
  }
  // The runs were worth something.
  if (ONLY === undefined) expect(kills).toBeGreaterThan(SEEDS);
});
