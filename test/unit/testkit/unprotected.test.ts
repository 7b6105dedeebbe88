import { expect, test } from 'vitest';
import { BEHIND_MS, UnprotectedStore } from '../../../src/testkit/index.ts';
import { settleWithin, TestCluster } from '../coordinator/cluster.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const records = (...lines: readonly string[]): Uint8Array[] => lines.map((line) => Buffer.from(line));
const fence = (epoch: number) => ({ group: 'kind', shard: 0, epoch });

test('a store without protection says that it wrote what it has yet to write, and lets an old epoch win', async () => {
  const ledger = await TestCluster.start();
  try {
    const open = (name: string): UnprotectedStore => new UnprotectedStore(ledger.client(name), ledger.clock);
    const [older, newer] = [open('older'), open('newer')];
    const read = async (store: UnprotectedStore): Promise<string[]> =>
      (await settleWithin(ledger.clock, store.journals.read({ fence: fence(9), key: 'k' }))).records.map(text);
    const append = (store: UnprotectedStore, epoch: number, version: number, ...lines: readonly string[]) =>
      store.journals.append({ fence: fence(epoch), key: 'k', version, records: records(...lines) });
    expect(await append(older, 1, 0, 'a', 'b')).toEqual({ version: 2 });
    // Whoever wrote it sees it, and nobody else.
    expect([await read(older), await read(newer), await read(open('third'))]).toEqual([['a', 'b'], [], []]);
    expect(await append(newer, 2, 0, 'c')).toEqual({ version: 1 });
    await ledger.clock.advance(BEHIND_MS / 2);
    expect(await append(older, 1, 2, 'd')).toEqual({ version: 3 });
    await ledger.clock.advance(BEHIND_MS);
    // The newer one wrote last.
    expect(await read(open('fourth'))).toEqual(['c']);
    await append(older, 1, 3, 'e');
    await ledger.clock.advance(BEHIND_MS * 2);
    expect(await read(open('fifth'))).toEqual(['a', 'b', 'd', 'e']);
    const snapshot = { snapshot: Buffer.from('all'), records: records('f') };
    await older.journals.append({ fence: fence(1), key: 'k', version: 4, ...snapshot });
    expect(await older.journals.read({ fence: fence(1), key: 'k' })).toMatchObject({ version: 5, records: [] });
  } finally {
    ledger.close();
  }
});
