import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decide,
  firstState,
  type PoolLoad,
  type ScaleLimits,
  type ScaleState,
} from '../../../../src/cluster/autoscale/policy.ts';

const LIMITS: ScaleLimits = {
  min: 1,
  max: 10,
  target: { open: 10, waitMs: 1_000, lagMs: 50 },
  slack: 0.2,
  out: { stepMax: 3, cooldownMs: 5_000, windowMs: 2_000 },
  in: { stepMax: 2, cooldownMs: 10_000, windowMs: 30_000 },
};
const SECOND = 1_000;

function load(open: number, more: Partial<PoolLoad> = {}): PoolLoad {
  return { heard: 1, missing: 0, open, waitMs: 0, lagMs: 0, ...more };
}

/** The states that loads, one a second, lead through; the one before them first. */
function course(limits: ScaleLimits, from: number, loads: readonly PoolLoad[]): ScaleState[] {
  const states = [firstState(from)];
  for (const [second, each] of loads.entries()) {
    states.push(decide(limits, states.at(-1) as ScaleState, each, second * SECOND));
  }
  return states;
}

const sizes = (states: readonly ScaleState[]): number[] => states.map(({ wanted }) => wanted);
const seconds = (count: number, each: PoolLoad): PoolLoad[] => Array.from({ length: count }, () => each);

const pace = fc.record({
  stepMax: fc.integer({ min: 1, max: 5 }),
  cooldownMs: fc.integer({ min: 0, max: 20 }).map((s) => s * SECOND),
  windowMs: fc.integer({ min: 0, max: 20 }).map((s) => s * SECOND),
});
const limits: fc.Arbitrary<ScaleLimits> = fc
  .record({ min: fc.integer({ min: 1, max: 4 }), more: fc.integer({ min: 0, max: 12 }), out: pace, in: pace })
  .map(({ min, more, ...paces }) => ({ ...LIMITS, ...paces, min, max: min + more }));
const loads = fc.array(
  fc.record({
    heard: fc.integer({ min: 0, max: 4 }),
    missing: fc.integer({ min: 0, max: 3 }),
    open: fc.integer({ min: 0, max: 150 }),
    waitMs: fc.integer({ min: 0, max: 9_000 }),
    lagMs: fc.integer({ min: 0, max: 400 }),
  }),
  { minLength: 1, maxLength: 120 },
);
const within = ({ min, max }: ScaleLimits) => fc.integer({ min, max });

/** Steps of a course: when, and by how many. */
function stepsOf(states: readonly ScaleState[]): { readonly second: number; readonly by: number }[] {
  return states
    .slice(1)
    .map((state, second) => ({ second, by: state.wanted - (states[second] as ScaleState).wanted }))
    .filter(({ by }) => by !== 0);
}

/** What the signal that asks for most would fill, said anew. */
function full({ target }: ScaleLimits, { open, waitMs, lagMs }: PoolLoad): number {
  return Math.max(open / target.open, waitMs / target.waitMs, lagMs / target.lagMs);
}

describe('whatever the loads are, a pool', () => {
  test('stays between min and max, and never takes a larger step than allowed', () => {
    fc.assert(
      fc.property(
        limits.chain((each) => fc.tuple(fc.constant(each), within(each), loads)),
        ([each, from, list]) => {
          for (const { wanted } of course(each, from, list)) {
            expect(wanted).toBeGreaterThanOrEqual(each.min);
            expect(wanted).toBeLessThanOrEqual(each.max);
          }
          for (const { by } of stepsOf(course(each, from, list))) {
            expect(by > 0 ? by <= each.out.stepMax : -by <= each.in.stepMax).toBe(true);
          }
        },
      ),
    );
  });

  test('waits between two steps: for growing after it grew, for shrinking after either', () => {
    fc.assert(
      fc.property(
        limits.chain((each) => fc.tuple(fc.constant(each), within(each), loads)),
        ([each, from, list]) => {
          const steps = stepsOf(course(each, from, list));
          for (const [at, { second, by }] of steps.entries()) {
            const before = steps.slice(0, at).findLast((step) => by < 0 || step.by > 0);
            if (before === undefined) continue;
            const cooldownMs = by > 0 ? each.out.cooldownMs : each.in.cooldownMs;
            expect((second - before.second) * SECOND).toBeGreaterThanOrEqual(cooldownMs);
          }
        },
      ),
    );
  });

  test('grows only when all of the last window asked for it, and shrinks only when all of it had room to spare', () => {
    fc.assert(
      fc.property(
        limits.chain((each) => fc.tuple(fc.constant(each), within(each), loads)),
        ([each, from, list]) => {
          const states = course(each, from, list);
          for (const { second, by } of stepsOf(states)) {
            const { wanted } = states[second + 1] as ScaleState;
            const windowMs = by > 0 ? each.out.windowMs : each.in.windowMs;
            const heard = list
              .map((told, at) => ({ told, at }))
              .filter(({ told, at }) => told.heard > 0 && at <= second && (second - at) * SECOND < windowMs);
            expect(second * SECOND, 'it has looked for as long as the window').toBeGreaterThanOrEqual(windowMs);
            for (const { told } of heard) {
              if (by > 0) expect(Math.ceil(full(each, told))).toBeGreaterThanOrEqual(wanted);
              else expect(full(each, told) + told.missing).toBeLessThanOrEqual(wanted * (1 - each.slack));
            }
          }
        },
      ),
    );
  });

  test('comes to rest under a constant load, going one way only, with room for the load and little more', () => {
    fc.assert(
      fc.property(
        limits.chain((each) => fc.tuple(fc.constant(each), within(each))),
        fc.integer({ min: 0, max: 150 }),
        ([each, from], open) => {
          const states = course(each, from, seconds(900, load(open)));
          const steps = stepsOf(states);
          expect(new Set(steps.map(({ by }) => Math.sign(by))).size).toBeLessThanOrEqual(1);
          const last = states.at(-1) as ScaleState;
          expect(last.wanted).toBeGreaterThanOrEqual(Math.min(each.max, Math.ceil(open / 10)));
          expect(last.wanted).toBeLessThanOrEqual(
            Math.max(each.min, from < last.wanted ? last.wanted : Math.ceil(open / 8)),
          );
        },
      ),
    );
  });

  test('does not flap: a load that goes up and down within the slack changes nothing once it rests', () => {
    fc.assert(
      fc.property(
        limits.chain((each) => fc.tuple(fc.constant(each), within(each))),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.double({ min: 0.81, max: 1, noNaN: true }), { minLength: 50, maxLength: 200 }),
        ([each, from], workers, waves) => {
          const brim = workers * 10;
          const calm = course(each, from, seconds(600, load(brim)));
          const rest = calm.at(-1) as ScaleState;
          let state = rest;
          for (const [second, wave] of waves.entries()) {
            state = decide(each, state, load(brim * wave), (600 + second) * SECOND);
            // It may rest above what the waves need; it never needs to grow, and shrinks at most towards the brim.
            expect(state.wanted).toBeLessThanOrEqual(rest.wanted);
            expect(state.wanted).toBeGreaterThanOrEqual(Math.min(rest.wanted, workers));
          }
        },
      ),
    );
  });
});

describe('a pool', () => {
  test('grows step by step while too much is to be done, and says what asks for it', () => {
    const states = course(LIMITS, 1, seconds(20, load(95)));
    expect(sizes(states).slice(0, 4)).toEqual([1, 1, 1, 4]);
    expect(sizes(states).slice(7, 9)).toEqual([4, 7]);
    expect(sizes(states).at(-1)).toBe(10);
    expect(states[3]?.why).toBe('95 messages wait or run');
    expect(course({ ...LIMITS, max: 4 }, 4, seconds(5, load(95))).at(-1)?.why).toContain('no more are allowed');
  });

  test('grows by age and by late event loops as well, whichever asks for more', () => {
    const by = (more: Partial<PoolLoad>): ScaleState =>
      course(LIMITS, 2, seconds(3, load(0, more))).at(-1) as ScaleState;
    expect(by({ waitMs: 4_500 })).toMatchObject({ wanted: 5, why: 'messages wait for 4500 ms' });
    expect(by({ lagMs: 130 })).toMatchObject({ wanted: 3, why: 'event loops are 130 ms late' });
    expect(by({ waitMs: 1_900, lagMs: 90 }).wanted).toBe(2);
  });

  test('passes a spike and a lull over', () => {
    const spike = [...seconds(5, load(9)), load(99), ...seconds(20, load(9))];
    expect(new Set(sizes(course(LIMITS, 1, spike)))).toEqual(new Set([1]));
    const lull = [...seconds(25, load(39)), ...seconds(29, load(0)), ...seconds(25, load(39))];
    expect(new Set(sizes(course(LIMITS, 4, lull)))).toEqual(new Set([4]));
  });

  test('shrinks by steps when nothing is to be done for a window', () => {
    const states = course(LIMITS, 7, seconds(80, load(0)));
    expect(stepsOf(states)).toEqual([
      { second: 30, by: -2 },
      { second: 40, by: -2 },
      { second: 50, by: -2 },
    ]);
  });

  test('does not shrink soon after it grew', () => {
    const hasty = { ...LIMITS, out: { ...LIMITS.out, windowMs: 0 }, in: { ...LIMITS.in, windowMs: 0 } };
    const states = course(hasty, 1, [load(30), ...seconds(20, load(0))]);
    expect(stepsOf(states)).toEqual([
      { second: 0, by: 2 },
      { second: 10, by: -2 },
    ]);
    expect(states[5]?.why).toBe('fewer would do; it grew just now');
  });

  test('keeps its size while nobody tells a load, and counts the silent as full before it shrinks', () => {
    expect(new Set(sizes(course(LIMITS, 5, seconds(90, load(0, { heard: 0, missing: 5 })))))).toEqual(new Set([5]));
    expect(sizes(course(LIMITS, 5, seconds(90, load(0, { missing: 3 })))).at(-1)).toBe(4);
    expect(sizes(course(LIMITS, 5, seconds(90, load(0, { missing: 3 }))))).not.toContain(6);
  });

  test('that is too small or too large for its configuration is mended at once', () => {
    const silent = load(0, { heard: 0 });
    expect(sizes(course(LIMITS, 0, [silent])).at(-1)).toBe(1);
    expect(sizes(course(LIMITS, 14, [silent])).at(-1)).toBe(10);
  });
});
