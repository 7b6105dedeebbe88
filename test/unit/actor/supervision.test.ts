import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Decision,
  decide,
  type ExitFacts,
  type ExitKind,
  nextAttempt,
  planRestart,
  type RestartType,
  type Strategy,
} from '../../../src/actor/supervision.ts';

const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary'];
const EXITS: readonly ExitKind[] = ['normal', 'shutdown', 'crash', 'kill'];
const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one'];

const crash: ExitFacts = {
  exit: 'crash',
  restart: 'permanent',
  strategy: 'one-for-one',
  directive: 'restart',
  started: true,
  failures: [],
  limit: { intensity: 3, periodMs: 1_000 },
  limitOf: 'supervisor',
  now: 10_000,
};

describe('who comes back', () => {
  const table: Record<RestartType, Record<ExitKind, boolean>> = {
    permanent: { normal: true, shutdown: true, crash: true, kill: true },
    transient: { normal: false, shutdown: false, crash: true, kill: true },
    temporary: { normal: false, shutdown: false, crash: false, kill: false },
  };
  for (const restart of RESTARTS) {
    for (const exit of EXITS) {
      for (const strategy of STRATEGIES) {
        test(`${restart} child, exit ${exit}, ${strategy}`, () => {
          const decision = decide({ ...crash, restart, exit, strategy });
          const expected: Decision = table[restart][exit]
            ? { action: 'restart', strategy, failures: [10_000] }
            : { action: 'stop', because: 'exit' };
          expect(decision).toEqual(expected);
        });
      }
    }
  }
});

describe('directives', () => {
  for (const restart of RESTARTS) {
    test(`a crash of a ${restart} child obeys stop, escalate and resume`, () => {
      expect(decide({ ...crash, restart, directive: 'stop' })).toEqual({ action: 'stop', because: 'directive' });
      expect(decide({ ...crash, restart, directive: 'escalate' })).toEqual({
        action: 'escalate',
        because: 'directive',
      });
      expect(decide({ ...crash, restart, directive: 'resume' })).toEqual({ action: 'resume' });
    });
  }

  test('a child that never finished starting cannot be resumed: it is restarted', () => {
    expect(decide({ ...crash, directive: 'resume', started: false }).action).toBe('restart');
  });

  test('exits that are no crash do not ask the directive', () => {
    for (const exit of ['normal', 'shutdown', 'kill'] as const) {
      expect(decide({ ...crash, exit, directive: 'escalate' }).action).toBe('restart');
    }
  });
});

describe('intensity', () => {
  test('the restart that exceeds it escalates; a limit of its own stops the child', () => {
    const failures = [9_100, 9_200, 9_300];
    expect(decide({ ...crash, failures })).toEqual({ action: 'escalate', because: 'intensity' });
    expect(decide({ ...crash, failures, limitOf: 'child' })).toEqual({ action: 'stop', because: 'intensity' });
  });

  test('restarts older than the period are forgotten', () => {
    const decision = decide({ ...crash, failures: [8_000, 9_000, 9_001] });
    expect(decision).toEqual({ action: 'restart', strategy: 'one-for-one', failures: [9_001, 10_000] });
  });

  test('a child that does not come back costs nothing', () => {
    const decision = decide({ ...crash, restart: 'temporary', failures: [9_900, 9_900, 9_900, 9_900] });
    expect(decision).toEqual({ action: 'stop', because: 'exit' });
  });

  test('intensity 0 never restarts, infinity always does and remembers nothing', () => {
    expect(decide({ ...crash, limit: { intensity: 0, periodMs: 1_000 } }).action).toBe('escalate');
    const always = decide({ ...crash, limit: { intensity: Number.POSITIVE_INFINITY, periodMs: 1_000 } });
    expect(always).toEqual({ action: 'restart', strategy: 'one-for-one', failures: [] });
  });

  test('in no window of the period are there more restarts than the intensity', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
        fc.integer({ min: 0, max: 5 }),
        (gaps, intensity) => {
          let now = 0;
          let failures: readonly number[] = [];
          const restarts: number[] = [];
          for (const gap of gaps) {
            now += gap;
            const decision = decide({ ...crash, now, failures, limit: { intensity, periodMs: 1_000 } });
            if (decision.action !== 'restart') break;
            failures = decision.failures;
            restarts.push(now);
            expect(failures.length).toBeLessThanOrEqual(intensity);
          }
          for (const at of restarts) {
            expect(restarts.filter((other) => other <= at && at - other < 1_000).length).toBeLessThanOrEqual(intensity);
          }
        },
      ),
    );
  });
});

describe('groups', () => {
  const kinds: RestartType[] = ['permanent', 'temporary', 'transient', 'permanent', 'temporary'];

  test('one-for-one touches the failed child only', () => {
    expect(planRestart('one-for-one', kinds, 2)).toEqual({ end: [2], begin: [2] });
  });

  test('one-for-all ends all in reverse order and begins all but temporary ones in order', () => {
    expect(planRestart('one-for-all', kinds, 2)).toEqual({ end: [4, 3, 2, 1, 0], begin: [0, 2, 3] });
  });

  test('rest-for-one touches the failed child and those started after it', () => {
    expect(planRestart('rest-for-one', kinds, 2)).toEqual({ end: [4, 3, 2], begin: [2, 3] });
    expect(planRestart('rest-for-one', kinds, 0)).toEqual({ end: [4, 3, 2, 1, 0], begin: [0, 2, 3] });
  });
});

test('the row of delays starts over after a stable run, and only then', () => {
  expect(nextAttempt(4, 9_999, 10_000)).toBe(4);
  expect(nextAttempt(4, 10_000, 10_000)).toBe(0);
});
