import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeAction, encodeBatch, encodeCommand } from '../../../../src/coordinator/codec.ts';
import { bytes, LedgerDriver } from './driver.ts';

const get = (driver: LedgerDriver, key: string) => driver.ledger.query('kv.get', { key });
const put = (driver: LedgerDriver, key: string, value: string, expect?: number) =>
  driver.run('kv.put', { key, value: bytes(value), ...(expect === undefined ? {} : { expect }) }).version;
const keys = (driver: LedgerDriver, prefix: string, after = '', limit = 10) =>
  driver.ledger.query('kv.list', { prefix, after, limit }).values.map(({ key }) => key);

describe('values', () => {
  test('are put, read, replaced and deleted; a key never sees a version twice', () => {
    const driver = new LedgerDriver();
    expect(get(driver, 'a')).toBeUndefined();
    expect(put(driver, 'a', '1')).toBe(1);
    expect(put(driver, 'b', 'x')).toBe(2);
    expect(put(driver, 'a', '2')).toBe(3);
    expect(get(driver, 'a')).toEqual({ value: bytes('2'), version: 3 });
    expect(driver.run('kv.delete', { key: 'a' })).toEqual({});
    expect(driver.run('kv.delete', { key: 'a' })).toEqual({});
    expect(get(driver, 'a')).toBeUndefined();
    expect(put(driver, 'a', '')).toBe(4);
    expect(get(driver, 'a')).toEqual({ value: bytes(''), version: 4 });
  });

  test('puts of one log entry have different versions, and a repetition gets its own again', () => {
    const driver = new LedgerDriver();
    const commands = [1, 2, 3].map((seq) =>
      encodeCommand(seq, encodeAction('kv.put', { key: 'a', value: bytes(`${seq}`) })),
    );
    const batch = encodeBatch(driver.session, 0, commands);
    const replies = [1, 2, 3].map((version) => [0, { version }]);
    expect(driver.push(batch)).toEqual(replies);
    expect(driver.push(batch)).toEqual(replies);
    expect(get(driver, 'a')).toEqual({ value: bytes('3'), version: 3 });
  });

  test('a writer that expects another version is refused and told the present one', () => {
    const driver = new LedgerDriver();
    const conflict = (version: number) => expect.objectContaining({ code: 'CONFLICT', data: { version } });
    expect(() => put(driver, 'a', '1', 1)).toThrow(conflict(0));
    expect(put(driver, 'a', '1', 0)).toBe(1);
    expect(() => put(driver, 'a', '2', 0)).toThrow(conflict(1));
    expect(put(driver, 'a', '2', 1)).toBe(2);
    expect(() => driver.run('kv.delete', { key: 'a', expect: 1 })).toThrow(conflict(2));
    driver.run('kv.delete', { key: 'a', expect: 2 });
    expect(() => put(driver, 'a', '3', 2)).toThrow(conflict(0));
    expect(driver.run('kv.delete', { key: 'a', expect: 0 })).toEqual({});
    expect(get(driver, 'a')).toBeUndefined();
  });

  test('a conditional put that is tried again does not fail by its own first attempt', () => {
    const driver = new LedgerDriver();
    const command = { key: 'a', value: bytes('1'), expect: 0 };
    expect(driver.apply(1, 'kv.put', command)).toEqual({ version: 1 });
    expect(driver.apply(1, 'kv.put', command)).toEqual({ version: 1 });
  });

  test('are listed by prefix, in pages, in the order of code points', () => {
    const driver = new LedgerDriver();
    const all = ['a', 'a/1', 'a/2', 'a/\u{10FFFF}', 'a/\u{10FFFF}x', 'b', '\uFFFD', '\u{1F600}', 'nul\0', 'nul\0x'];
    for (const key of all) put(driver, key, key);
    expect(keys(driver, '')).toEqual([
      'a',
      'a/1',
      'a/2',
      'a/\u{10FFFF}',
      'a/\u{10FFFF}x',
      'b',
      'nul\0',
      'nul\0x',
      '\uFFFD',
      '\u{1F600}',
    ]);
    expect(keys(driver, 'a/')).toEqual(['a/1', 'a/2', 'a/\u{10FFFF}', 'a/\u{10FFFF}x']);
    expect(keys(driver, 'a/', '', 2)).toEqual(['a/1', 'a/2']);
    expect(keys(driver, 'a/', 'a/2', 2)).toEqual(['a/\u{10FFFF}', 'a/\u{10FFFF}x']);
    expect(keys(driver, 'a/', 'a/\u{10FFFF}x')).toEqual([]);
    expect(keys(driver, 'nul\0')).toEqual(['nul\0', 'nul\0x']);
    expect(keys(driver, 'c')).toEqual([]);
    expect(() => keys(driver, 'a', '', 0)).toThrow('limit');
  });

  test('a page is bounded by bytes, and holds at least one value', () => {
    const driver = new LedgerDriver({ limits: { pageBytesMax: 5 } });
    for (const key of ['a', 'b', 'c']) put(driver, key, '123');
    put(driver, 'd', '1234567');
    expect(keys(driver, '')).toEqual(['a']);
    expect(keys(driver, '', 'c')).toEqual(['d']);
  });

  test('are bounded in size, number and sum; what makes room is accepted again', () => {
    const driver = new LedgerDriver({
      limits: { nameCharsMax: 3, valueBytesMax: 4, valuesMax: 3, valuesBytesMax: 10 },
    });
    const refusal = (key: string, value: string) => driver.refusal('kv.put', { key, value: bytes(value) });
    expect(refusal('a', '12345')).toBe('MESSAGE_TOO_LARGE');
    expect(refusal('long', '')).toBe('INVALID_ARGUMENT');
    expect(refusal('', '')).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('kv.put', { key: 'a', value: 'text' })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('kv.put', { key: 'a', value: bytes(''), expect: -1 })).toBe('INVALID_ARGUMENT');
    put(driver, 'a', '1234');
    put(driver, 'é', '123');
    expect(refusal('b', '')).toBe('OVERLOADED');
    expect(refusal('a', '1234')).toBe('ACCEPTED');
    put(driver, 'a', '12');
    put(driver, 'b', '');
    expect(refusal('c', '')).toBe('OVERLOADED');
    driver.run('kv.delete', { key: 'é' });
    put(driver, 'c', '1234');
    expect(refusal('b', '12')).toBe('OVERLOADED');
  });

  test('counts agree with what is there, whatever was put, refused and deleted', () => {
    const key = fc.constantFrom('a', 'b', 'é', 'long');
    const step = fc.record({
      key,
      size: fc.nat(6),
      deletes: fc.boolean(),
      expect: fc.option(fc.nat(9), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const driver = new LedgerDriver({ limits: { valueBytesMax: 5, valuesMax: 3, valuesBytesMax: 18 } });
        for (const { key, size, deletes, expect } of steps) {
          const condition = expect === undefined ? {} : { expect };
          const command = deletes ? { key, ...condition } : { key, value: new Uint8Array(size), ...condition };
          driver.refusal(deletes ? 'kv.delete' : 'kv.put', command);
          const { values } = driver.ledger.query('kv.list', { prefix: '', after: '', limit: 10 });
          const stats = driver.ledger.query('ledger.stats', {});
          const sum = values.reduce((bytes, { key, value }) => bytes + Buffer.byteLength(key) + value.byteLength, 0);
          if (stats.values !== values.length || stats.valueBytes !== sum) return false;
        }
        return true;
      }),
    );
  });
});
