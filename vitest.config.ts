import { defineConfig } from 'vitest/config';

/** Tests read the sources, not the build: `troupe` and its subpaths resolve to src. */
const resolve: { conditions: string[] } = { conditions: ['troupe-source'] };
const ssr: { resolve: { conditions: string[] } } = { resolve };

/** Tests of real processes that look at times or at memory: each has the machine to itself. */
const alone: string[] = ['blocked-threads', 'kill', 'overload', 'partitions'].map(
  (name) => `test/cluster/${name}.test.ts`,
);

/** For tests of real processes. */
const patience = { testTimeout: 120_000, hookTimeout: 60_000 };

/**
 * Groups run one after another, so that what measures or kills never shares the cores with what computes:
 * `fast` in parallel, then `package` (builds, packs, installs), then `cluster` (real processes) two files at a time, then `alone`.
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
          // Files that share a process share what they import: a third of the time. Tests set up whatever they change.
          isolate: false,
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
          ...patience,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve,
        ssr,
        test: { ...patience, name: 'alone', include: alone, fileParallelism: false, sequence: { groupOrder: 3 } },
      },
      {
        resolve,
        ssr,
        test: { name: 'house', include: ['test/house/**/*.test.ts'], sequence: { groupOrder: 4 } },
      },
    ],
  },
});
