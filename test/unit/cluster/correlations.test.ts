import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Correlations } from '../../../src/cluster/correlations.ts';

test('it is a map of numbers that were never used before, whoever comes, goes or stays for long', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 700 }) }) },
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 3 }) }) },
    { weight: 1, arbitrary: fc.constant('all') },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const table = new Correlations<string>();
      const model = new Map<number, string>();
      let last = 0;
      for (const what of steps) {
        if (what === 'all') {
          for (const number of [...model.keys()]) table.delete(number);
          model.clear();
        } else if ('add' in what) {
          for (let n = 0; n < what.add; n++) {
            const number = table.add(`w${last}`);
            expect(number).toBeGreaterThan(last);
            model.set(number, `w${last}`);
            last = number;
          }
        } else {
          // All but every fourth: some stay, in the way of numbers to come.
          for (const number of [...model.keys()].filter((each) => each % 4 !== what.take)) {
            table.delete(number);
            table.delete(number);
            model.delete(number);
          }
        }
        expect(table.size).toBe(model.size);
      }
      expect(new Map(table)).toEqual(model);
      for (const [number, waiter] of model) expect(table.get(number)).toBe(waiter);
      expect(table.get(last + 1)).toBe(undefined);
      expect(table.get(0)).toBe(undefined);
    }),
    { numRuns: 30, examples: [[[{ add: 700 }, { take: 0 }, { add: 700 }, { add: 700 }, 'all', { add: 1 }]]] },
  );
});

test('all that wait when the walk began are met once, though they go meanwhile and others come', () => {
  const table = new Correlations<string>();
  const begun = Array.from({ length: 600 }, (_, n) => table.add(`w${n}`));
  const met: number[] = [];
  for (const [number] of table) {
    if (begun.includes(number)) met.push(number);
    table.delete(number);
    if (met.length % 2 === 0 && met.length < 500) table.add('new');
  }
  expect(met.sort((a, b) => a - b)).toEqual(begun);
});
