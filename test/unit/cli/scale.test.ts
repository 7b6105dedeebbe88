import { expect, test } from 'vitest';
import { formatScale } from '../../../src/cli/commands/scale.ts';

test('pools are shown with what is wanted, what is there, and why', () => {
  const pool = { min: 1, max: 8, wanted: 4, up: 3, draining: 0, open: 0, waitMs: 0, lagMs: 0 };
  const text = formatScale([
    { ...pool, pool: 'spot', why: '340 messages wait or run' },
    { ...pool, pool: 'pods', count: 5, draining: 1, why: 'fewer do', trouble: 'CONFLICT: somebody else' },
  ]);
  expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
    'POOL  WANTED  UP               PLATFORM  ALLOWED  WHY',
    'spot  4       3                -         1 to 8   340 messages wait or run',
    'pods  4       3 and 1 leaving  5         1 to 8   fewer do',
    '',
    'pods: CONFLICT: somebody else',
  ]);
  expect(formatScale([])).toContain('no pools');
});
