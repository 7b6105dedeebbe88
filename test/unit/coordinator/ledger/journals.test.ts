import { describe, expect, test } from 'vitest';
import { shardOf } from '../../../../src/core/index.ts';
import { bytes, LedgerDriver } from './driver.ts';

const shard = shardOf('agent-1', 4);
const fence = { group: 'g', shard, epoch: 1 };

const append = (version: number, records: string[], snapshot?: string) => ({
  fence,
  key: 'agent-1',
  version,
  records: records.map(bytes),
  ...(snapshot === undefined ? {} : { snapshot: bytes(snapshot) }),
});

describe.each([false, true])('journals, each entry committed: %s', (commits) => {
  const owned = (limits = {}): LedgerDriver => {
    const driver = new LedgerDriver({ limits }, commits);
    driver.own('n', driver.join('n'));
    return driver;
  };

  test('records come back in order, and a snapshot replaces what is before it', () => {
    const driver = owned();
    expect(driver.run('journal.append', append(0, ['1', '2']))).toEqual({ version: 2 });
    driver.ledger.digest();
    expect(driver.run('journal.append', append(2, ['3'], 'all three'))).toEqual({ version: 3 });
    expect(driver.run('journal.append', append(3, ['4']))).toEqual({ version: 4 });
    expect(driver.ledger.query('journal.read', { fence, key: 'agent-1' })).toEqual({
      version: 4,
      snapshotVersion: 3,
      snapshot: bytes('all three'),
      records: [bytes('4')],
    });
    expect(driver.ledger.query('ledger.stats', {}).journalRecords).toBe(4);
  });

  test('what a refused append had begun is taken back', () => {
    const driver = owned();
    const { history, ...rest } = { ...append(0, ['1']), history: [bytes('h')] };
    expect(driver.refusal('journal.append', { ...rest, history, blobs: ['0'.repeat(64)] })).toBe('NOT_FOUND');
    expect(driver.ledger.query('journal.read', { fence, key: 'agent-1' })).toMatchObject({ version: 0, records: [] });
    expect(driver.run('journal.append', { ...rest, history })).toEqual({ version: 1 });
    expect(driver.ledger.query('journal.read', { fence, key: 'agent-1' }).history).toEqual({ first: 0, next: 1 });
  });

  test('a writer that is behind or ahead is refused and told the version', () => {
    const driver = owned();
    driver.run('journal.append', append(0, ['1']));
    expect(driver.refusal('journal.append', append(0, ['1']))).toBe('JOURNAL_CONFLICT');
    expect(driver.refusal('journal.append', append(2, ['1']))).toBe('JOURNAL_CONFLICT');
    expect(() => driver.run('journal.append', append(0, []))).toThrow(
      expect.objectContaining({ data: { version: 1 } }),
    );
  });

  test('only the current owner writes and reads: not an old epoch, not while ownerless, not a node that is down', () => {
    const driver = owned();
    driver.run('journal.append', append(0, ['1']));
    const b = { node: 'b', incarnation: driver.join('b') };
    driver.run('shards.transfer', { fences: [fence], to: b });
    expect(driver.refusal('journal.append', append(1, ['2']))).toBe('STALE_EPOCH');
    const read = (epoch: number) => driver.ledger.query('journal.read', { fence: { ...fence, epoch }, key: 'agent-1' });
    expect(() => read(1)).toThrow('epoch 2');
    expect(read(2)).toMatchObject({ version: 1 });
    driver.run('node.down', { ...b, reason: 'silent' });
    expect(() => read(2)).toThrow('ownerless');
    expect(driver.refusal('journal.append', { ...append(1, ['2']), fence: { ...fence, epoch: 2 } })).toBe(
      'STALE_EPOCH',
    );
  });

  test('a fence is good for the keys of its shard only', () => {
    const driver = owned();
    const other = { ...fence, shard: (shard + 1) % 4 };
    expect(driver.refusal('journal.append', { ...append(0, ['1']), fence: other })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('journal.append', { ...append(0, ['1']), fence: { ...fence, group: 'x' } })).toBe(
      'NOT_FOUND',
    );
  });

  test('an append that is refused for what stands beside its records leaves no trace', () => {
    const driver = owned();
    const nameless = { blobs: ['0'.repeat(64)] };
    expect(driver.refusal('journal.append', { ...append(0, ['1']), ...nameless })).toBe('NOT_FOUND');
    driver.run('journal.append', append(0, ['1']));
    expect(driver.refusal('journal.append', { ...append(1, ['2'], 'both'), ...nameless })).toBe('NOT_FOUND');
    expect(driver.ledger.query('journal.read', { fence, key: 'agent-1' })).toEqual({
      version: 1,
      snapshotVersion: 0,
      records: [bytes('1')],
    });
    driver.run('journal.append', append(1, ['2']));
  });

  test('names that read alike when they stand side by side are those of different journals', () => {
    const driver = new LedgerDriver({}, commits);
    const groups = ['g', 'g/1'];
    const to = { node: 'n', incarnation: driver.join('n', 'n-1', groups) };
    for (const group of groups) {
      const moves = [0, 1, 2, 3].map((at) => ({ group, shard: at, epoch: 0, to }));
      driver.run('shards.place', { moves });
    }
    const write = (group: string, key: string) =>
      driver.run('journal.append', {
        fence: { group, shard: shardOf(key, 4), epoch: 1 },
        key,
        version: 0,
        records: [bytes('1')],
      });
    for (const [group, key] of [
      ['g', '/1a'],
      ['g/1', 'a'],
      ['g', '1a'],
    ] as const) {
      expect(write(group, key)).toEqual({ version: 1 });
    }
  });

  test('records written in one append or in several are read alike', () => {
    const driver = owned();
    driver.run('journal.append', append(0, ['1', '2', '3']));
    driver.run('journal.append', append(3, ['4']));
    driver.ledger.digest();
    driver.run('journal.append', append(4, ['5', '6']));
    const { records } = driver.ledger.query('journal.read', { fence, key: 'agent-1' });
    expect(records).toEqual(['1', '2', '3', '4', '5', '6'].map(bytes));
  });

  test('an image does not tell which records were written together, but whose they are', async () => {
    const drivers = [owned(), new LedgerDriver({}, !commits)] as const;
    drivers[1].own('n', drivers[1].join('n'));
    const other = { key: 'agent-2', fence: { group: 'g', shard: shardOf('agent-2', 4), epoch: 1 } };
    for (const driver of drivers) {
      driver.run('journal.append', append(0, ['1', '2']));
      driver.run('journal.append', append(2, ['3']));
      driver.run('journal.append', { ...append(0, ['4']), ...other });
    }
    expect(drivers[0].ledger.digest()).toBe(drivers[1].ledger.digest());
    await drivers[0].ledger.restore(drivers[1].ledger.appliedIndex, drivers[1].ledger.snapshot());
    const { records } = drivers[0].ledger.query('journal.read', other);
    expect(records).toEqual([bytes('4')]);
  });

  test('an image has what the journals are at, and whoever takes it in goes on from there', async () => {
    const [ahead, behind] = [owned(), owned()];
    for (const driver of [ahead, behind]) driver.run('journal.append', append(0, ['1']));
    ahead.run('journal.append', append(1, ['2', '3'], 'three'));
    ahead.run('journal.append', append(3, ['4']));
    const place = { fence, key: 'agent-1' };
    expect(behind.ledger.query('journal.read', place).version).toBe(1);
    await behind.ledger.restore(ahead.ledger.appliedIndex, ahead.ledger.snapshot());
    expect(behind.ledger.query('journal.read', place)).toEqual(ahead.ledger.query('journal.read', place));
    expect(behind.ledger.digest()).toBe(ahead.ledger.digest());
  });

  test('records and journals are bounded until a snapshot makes room', () => {
    const driver = owned({ blobBytesMax: 4, journalRecordsMax: 2, journalBytesMax: 6, journalSnapshotBytesMax: 5 });
    expect(driver.refusal('journal.append', append(0, ['12345']))).toBe('MESSAGE_TOO_LARGE');
    expect(driver.refusal('journal.append', append(0, [], '123456'))).toBe('MESSAGE_TOO_LARGE');
    driver.run('journal.append', append(0, ['1', '2']));
    expect(driver.refusal('journal.append', append(2, ['3']))).toBe('OVERLOADED');
    driver.run('journal.append', append(2, ['3'], 'snap'));
    driver.run('journal.append', append(3, ['1234']));
    expect(driver.refusal('journal.append', append(4, ['123']))).toBe('OVERLOADED');
    expect(driver.refusal('journal.append', { fence, key: '', version: 0, records: [] })).toBe('INVALID_ARGUMENT');
    expect(driver.refusal('journal.append', { fence, key: 'agent-1', version: 4, records: ['text'] })).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test('a journal that was never written is empty at version 0', () => {
    expect(owned().ledger.query('journal.read', { fence, key: 'agent-1' })).toEqual({
      version: 0,
      snapshotVersion: 0,
      records: [],
    });
  });
});
