import { defineConfig } from 'vitest/config';

/** Tests read the sources, not the build: `troupe` and its subpaths resolve to src. */
const resolve: { conditions: string[] } = { conditions: ['troupe-source'] };
const ssr: { resolve: { conditions: string[] } } = { resolve };

/**
 * Groups run one after another, so that what measures or kills never shares the cores with what computes:
 * `fast` in parallel, then `package` (builds, packs, installs), then `cluster` (real processes) one file at a time.
 * `house` looks at the sources only and belongs to `npm run check`.
 */
export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'fast',
          include: ['test/{unit,sim,conformance}/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve,
        ssr,
        test: { name: 'house', include: ['test/house/**/*.test.ts'], sequence: { groupOrder: 3 } },
      },
    ],
  },
});
