import { defineConfig } from 'vitest/config';

const resolve: { conditions: string[] } = { conditions: ['troupe-source'] };
const ssr: { resolve: { conditions: string[] } } = { resolve };

/** Fast suites share the cores; suites with real processes run one file at a time, after them. */
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
        resolve,
        ssr,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
