import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/actor/limits.ts';
import type { SpawnOptions } from '../../../src/actor/options.ts';
import { Specs } from '../../../src/actor/specs.ts';

const specs = (): Specs => new Specs(DEFAULT_LIMITS, true, { intensity: 5, periodMs: 1_000 });
const sizeOf = (): number => 1;

describe('specs of actors', () => {
  test.each<[string, () => SpawnOptions<string>]>([
    ['only a name', () => ({ name: 'any' })],
    ['an option left open', () => ({ mailbox: undefined }) as unknown as SpawnOptions<string>],
    ['a mailbox', () => ({ mailbox: { capacity: 7, sizeOf } })],
    [
      'nested values',
      () => ({ supervision: { intensity: 9 }, backoff: { minMs: 1 }, restartLimit: { intensity: 1, periodMs: 2 } }),
    ],
  ])('are one object for equal options: %s', (_, options) => {
    const all = specs();
    const first = all.of(options());
    all.of({ shutdownMs: 1 });
    expect(all.of(options())).toBe(first);
    expect(all.of({ ...options(), name: 'other' })).toBe(first);
  });

  test.each<[string, SpawnOptions<string>, SpawnOptions<string>]>([
    ['another bound', { mailbox: { capacity: 7 } }, { mailbox: { capacity: 8 } }],
    ['one more option', { mailbox: { capacity: 7 } }, { mailbox: { capacity: 7, sizeOf } }],
    ['another function', { mailbox: { sizeOf } }, { mailbox: { sizeOf: () => 1 } }],
  ])('are different for %s', (_, one, other) => {
    const all = specs();
    expect(all.of(one)).not.toBe(all.of(other));
    expect(all.of(other)).toEqual(specs().of(other));
    expect(all.of(one)).toEqual(specs().of(one));
  });

  test('options that only look alike are told apart: methods live in a prototype', () => {
    class Urgency {
      readonly levels = 2;
      of(): number {
        return 0;
      }
    }
    class Patience extends Urgency {
      override of(): number {
        return 1;
      }
    }
    const all = specs();
    const patient = all.of({ mailbox: { priority: new Patience() } });
    expect(all.of({ mailbox: { priority: new Urgency() } }).priority?.of('')).toBe(0);
    expect(patient.priority?.of('')).toBe(1);
  });

  test('an actor without a limit of its own gets the default one', () => {
    expect(specs().of({ shutdownMs: 1 }).restartLimit).toEqual({ intensity: 5, periodMs: 1_000 });
    expect(specs().of({ restartLimit: { intensity: 1, periodMs: 1 } }).restartLimit?.intensity).toBe(1);
    expect(new Specs(DEFAULT_LIMITS, true).of({ shutdownMs: 1 }).restartLimit).toBeUndefined();
  });

  test('many kinds are not remembered for ever', () => {
    const all = specs();
    const first = all.of({ shutdownMs: 1 });
    for (let shutdownMs = 2; shutdownMs < 100; shutdownMs++) all.of({ shutdownMs });
    expect(all.of({ shutdownMs: 1 })).not.toBe(first);
    expect(all.of({ shutdownMs: 1 })).toEqual(first);
  });
});
