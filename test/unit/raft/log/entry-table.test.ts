import { describe, expect, test } from 'vitest';
import { EntryTable } from '../../../../src/raft/log/entry-table.ts';
import { entry, run } from './support.ts';

function filled(cacheBytesMax: number, last = 10): EntryTable {
  const table = new EntryTable(cacheBytesMax);
  for (const each of run(1, last, 1, 10)) table.push(each);
  return table;
}

describe('EntryTable', () => {
  test('what is not written stays in memory, whatever the limit', () => {
    const table = filled(20);
    table.evict();
    expect(table.cachedBytes).toBe(100);
    for (let index = 1; index <= 10; index++) table.setPlace(index, 1, index * 100);
    table.evict();
    expect(table.cachedBytes).toBe(20);
    expect([table.cached(8), table.cached(9)?.index]).toEqual([undefined, 9]);
    expect(table.place(8)).toBe(800);
  });

  test('a late word of where a replaced entry was written changes nothing', () => {
    const table = filled(0);
    table.push(entry(5, 2));
    table.push(entry(6, 2));
    for (let index = 1; index <= 10; index++) table.setPlace(index, 1, index * 100);
    table.evict();
    expect([table.cached(4), table.cached(5)?.term, table.cached(6)?.term]).toEqual([undefined, 2, 2]);
    table.setPlace(5, 2, 5000);
    table.setPlace(6, 2, 6000);
    table.evict();
    expect([table.place(5), table.place(6), table.cachedBytes]).toEqual([5000, 6000, 0]);
  });

  test('entries that replace written ones are not taken for written', () => {
    const table = filled(0);
    for (let index = 1; index <= 10; index++) table.setPlace(index, 1, index * 100);
    for (let index = 3; index <= 10; index++) table.push(entry(index, 2));
    table.evict();
    expect(table.cached(3)?.term).toBe(2);
  });

  test('it grows and wraps around without mixing up its entries', () => {
    const table = new EntryTable(Number.POSITIVE_INFINITY);
    for (let index = 1; index <= 200; index++) table.push(entry(index, 1));
    table.trim(150, 1);
    for (let index = 201; index <= 2000; index++) table.push(entry(index, index % 7));
    for (let index = 201; index <= 2000; index++) {
      expect(table.term(index)).toBe(index % 7);
      expect(table.cached(index)?.index).toBe(index);
    }
    expect([table.term(150), table.term(149), table.term(2001)]).toEqual([1, undefined, undefined]);
  });

  test('a hole is refused', () => {
    const table = filled(0);
    expect(() => table.push(entry(12, 1))).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
    table.trim(5, 1);
    expect(() => table.push(entry(5, 2))).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
  });
});
