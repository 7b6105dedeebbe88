import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logKeys, recordsAfter } from '../../../../src/coordinator/etcd/keys.ts';
import { decodeRecord, encodeRecord } from '../../../../src/coordinator/etcd/record.ts';
import { isTroupeError } from '../../../../src/core/index.ts';

const record = fc.record({
  kind: fc.constantFrom('entries', 'parts'),
  term: fc.nat(2 ** 31),
  firstIndex: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  data: fc.array(fc.uint8Array({ maxLength: 64 }), { minLength: 1, maxLength: 8 }),
});

test('a record comes back as it was', () => {
  fc.assert(
    fc.property(record, (given) => {
      const { data, ...rest } = decodeRecord(encodeRecord(given), 'k');
      expect(rest).toEqual({ kind: given.kind, term: given.term, firstIndex: given.firstIndex });
      expect(data.map((entry) => [...entry])).toEqual(given.data.map((entry) => [...entry]));
    }),
  );
});

test('any flipped bit, and any cut, is LOG_CORRUPT', () => {
  fc.assert(
    fc.property(record, fc.nat(), fc.nat(7), fc.boolean(), (given, at, bit, cut) => {
      const bytes = encodeRecord(given);
      const where = at % bytes.length;
      const damaged = cut ? bytes.subarray(0, where) : Uint8Array.from(bytes);
      if (!cut) damaged[where] = (damaged[where] ?? 0) ^ (1 << bit);
      try {
        // The kind is not under the checksum; the other kind is no damage that a checksum could tell.
        expect(decodeRecord(damaged, 'k').kind === given.kind && where !== 1).toBe(false);
      } catch (error) {
        expect(isTroupeError(error, 'LOG_CORRUPT')).toBe(true);
      }
    }),
  );
});

test('keys sort as indices do, and ranges hold what they should', () => {
  const keys = logKeys('/t/');
  const within = ({ key, end }: { readonly key: string; readonly end?: string }, name: string): boolean =>
    name >= key && name < (end ?? '');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 50 }), fc.integer({ min: 1, max: 2 ** 50 }), (one, other) => {
      expect(keys.record(one) < keys.record(other)).toBe(one < other);
      expect(within(recordsAfter(keys, one), keys.record(other))).toBe(other > one);
      const [records, parts] = keys.upTo(one);
      expect(within(records as { key: string }, keys.record(other))).toBe(other <= one);
      expect(within(parts as { key: string }, keys.part(other, 5, 0))).toBe(other <= one);
      expect(within(keys.snapshots, keys.chunk(one, 5, 0))).toBe(true);
    }),
  );
  expect(within(keys.snapshots, keys.snapshot)).toBe(false);
  for (const key of [keys.leader, keys.successor]) expect(within(keys.leadership, key)).toBe(true);
  for (const key of [keys.head, keys.record(1), keys.identity]) expect(within(keys.leadership, key)).toBe(false);
});
