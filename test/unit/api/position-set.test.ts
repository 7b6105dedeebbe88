import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PositionSet } from '../../../src/api/position-set.ts';

const positions = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 });

describe('a set of positions', () => {
  test('holds what was added, says what is new, and keeps its ranges few', () => {
    fc.assert(
      fc.property(positions, (list) => {
        const set = new PositionSet();
        const model = new Set<number>();
        for (const position of list) {
          expect(set.add(position)).toBe(!model.has(position));
          model.add(position);
        }
        for (let i = 0; i <= 61; i++) expect(set.has(i)).toBe(model.has(i));
        for (const [i, range] of set.ranges.entries()) {
          const before = set.ranges[i - 1];
          if (before) expect(range.first).toBeGreaterThan(before.last + 1);
        }
        const copy = new PositionSet([...set.ranges].reverse());
        expect(copy.ranges).toEqual(set.ranges);
      }),
    );
  });

  test('takes ranges that overlap, touch or are empty', () => {
    const ranges = [
      { first: 5, last: 9 },
      { first: 0, last: 2 },
      { first: 3, last: 6 },
      { first: 20, last: 10 },
    ];
    expect(new PositionSet(ranges).ranges).toEqual([{ first: 0, last: 9 }]);
  });
});
