import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fence, isTroupeError, shardOf } from '../../src/core/index.ts';
import { blobId, type JournalAppend, type JournalStore } from '../../src/journal/index.ts';

/** The limits that a store under test has. */
export const STORE_LIMITS = {
  blobBytesMax: 100,
  journalRecordsMax: 4,
  journalBytesMax: 250,
  journalSnapshotBytesMax: 150,
  historyItemsMax: 6,
  historyBytesMax: 400,
  blobsPerJournalMax: 3,
  keptBlobBytesMax: 5_000,
  blobGraceMs: 60_000,
  pageItemsMax: 100,
  pageBytesMax: 120,
} as const;

/** Shards of the group that journals under test belong to. */
export const SHARDS = 4;
export const GROUP = 'g';
/** Another key of the same shard. */
const NEIGHBOUR = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].find(
  (key) => shardOf(key, SHARDS) === shardOf('a', SHARDS),
) as string;

/** A store under test. */
export interface StoreFixture {
  /** The store as a node sees it; each call is another node's. */
  open(): Promise<JournalStore>;
  /** Gives the shard another owner. @returns the new owner's fence */
  nextOwner(shard: number): Promise<Fence>;
  /** Lets `blobGraceMs` pass, and what is due then happen. */
  passGrace(): Promise<void>;
  /** Changes what is kept of a blob, where that can happen. */
  readonly corrupt?: (id: string) => Promise<void>;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sizeOf = (size: number): Uint8Array => new Uint8Array(size).fill(7);
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ACCEPTED',
    (error) => (isTroupeError(error) ? error.code : String(error)),
  );

/** What every store of journals and blobs promises, whatever it is built on. */
export function journalStoreConformance(name: string, make: () => Promise<StoreFixture>): void {
  describe(`journals and blobs: ${name}`, () => {
    let fixture: StoreFixture;
    let store: JournalStore;
    let fence: Fence;
    beforeEach(async () => {
      fixture = await make();
      store = await fixture.open();
      fence = await fixture.nextOwner(shardOf('a', SHARDS));
    });
    afterEach(() => fixture.close());

    const append = (
      version: number,
      records: readonly string[],
      more: Partial<JournalAppend> = {},
    ): Promise<{ readonly version: number }> =>
      store.journals.append({ fence, key: 'a', version, records: records.map(bytes), ...more });
    const read = (key = 'a', under = fence) => store.journals.read({ fence: under, key });
    const history = async (from: number, limit = 100): Promise<string[]> => {
      const { items } = await store.journals.history({ fence, key: 'a', from, limit });
      return items.map((item) => new TextDecoder().decode(item));
    };

    test('a journal that was never written is empty, and reading makes none', async () => {
      expect(await read()).toEqual({ version: 0, snapshotVersion: 0, records: [] });
      expect(await read()).toEqual({ version: 0, snapshotVersion: 0, records: [] });
      expect(await history(0)).toEqual([]);
    });

    test('records come back in order and byte for byte; a snapshot takes their place, and what follows is read after it', async () => {
      const odd = new Uint8Array([0, 255, 92, 39, 10]);
      expect(await store.journals.append({ fence, key: 'a', version: 0, records: [odd, bytes('')] })).toEqual({
        version: 2,
      });
      expect((await read()).records).toEqual([odd, bytes('')]);
      expect(await append(2, ['3'], { snapshot: bytes('all three') })).toEqual({ version: 3 });
      expect(await append(3, ['4', '5'])).toEqual({ version: 5 });
      expect(await append(5, [])).toEqual({ version: 5 });
      expect(await read()).toEqual({
        version: 5,
        snapshotVersion: 3,
        snapshot: bytes('all three'),
        records: [bytes('4'), bytes('5')],
      });
      expect(await append(5, [], { snapshot: bytes('all') })).toEqual({ version: 5 });
      expect(await read()).toEqual({ version: 5, snapshotVersion: 5, snapshot: bytes('all'), records: [] });
    });

    test('every node sees the same, and keys and groups keep apart', async () => {
      await append(0, ['1']);
      const other = await fixture.open();
      expect(await other.journals.read({ fence, key: 'a' })).toMatchObject({ version: 1, records: [bytes('1')] });
      expect(await read(NEIGHBOUR)).toMatchObject({ version: 0 });
      await other.journals.append({ fence, key: NEIGHBOUR, version: 0, records: [bytes('n')] });
      expect((await read()).records).toEqual([bytes('1')]);
    });

    test('a writer that is behind or ahead changes nothing and hears the version', async () => {
      await append(0, ['1'], { history: [bytes('h')] });
      for (const version of [0, 2]) {
        await expect(append(version, ['x'], { history: [bytes('x')] })).rejects.toMatchObject({
          code: 'JOURNAL_CONFLICT',
          data: { version: 1 },
        });
      }
      expect(await codeOf(append(0, []))).toBe('JOURNAL_CONFLICT');
      expect(await codeOf(append(0, ['x'], { snapshot: bytes('s') }))).toBe('JOURNAL_CONFLICT');
      expect(await read()).toMatchObject({ version: 1, snapshotVersion: 0, records: [bytes('1')] });
      expect(await history(0)).toEqual(['h']);
    });

    test('once a new owner has read, no older one writes or reads, not to any key of the shard', async () => {
      await append(0, ['1']);
      const next = await fixture.nextOwner(fence.shard);
      expect(await read('a', next)).toMatchObject({ version: 1 });
      const stale = { code: 'STALE_EPOCH', data: { epoch: next.epoch } };
      await expect(append(1, ['zombie'])).rejects.toMatchObject(stale);
      await expect(append(0, [], { key: NEIGHBOUR, snapshot: bytes('zombie') })).rejects.toMatchObject(stale);
      await expect(append(1, [])).rejects.toMatchObject(stale);
      await expect(read()).rejects.toMatchObject(stale);
      await expect(history(0)).rejects.toMatchObject(stale);
      expect(await read('a', next)).toMatchObject({ version: 1, records: [bytes('1')] });
      expect(await read(NEIGHBOUR, next)).toMatchObject({ version: 0 });
      expect(await append(1, ['2'], { fence: next })).toEqual({ version: 2 });
    });

    test('a new owner that writes first shuts the older one out as well', async () => {
      const next = await fixture.nextOwner(fence.shard);
      await append(0, ['1'], { fence: next });
      expect(await codeOf(append(1, ['zombie']))).toBe('STALE_EPOCH');
      expect(await read('a', next)).toMatchObject({ version: 1 });
    });

    test('racing owners: what the new one has read stands, and nothing that was acknowledged is missing from it', async () => {
      const writer = await fixture.open();
      for (let round = 0; round < 15; round++) {
        const key = ['a', NEIGHBOUR][round % 2] as string;
        const before = await store.journals.read({ fence, key });
        const snapshot = { snapshot: bytes('s') };
        const late = Array.from({ length: 3 }, (_, i) =>
          codeOf(
            (i === 0 ? store : writer).journals.append({
              fence,
              key,
              version: before.version,
              records: [bytes(`${round}.${i}`)],
              ...(before.records.length >= 3 ? snapshot : {}),
            }),
          ),
        );
        const next = await fixture.nextOwner(fence.shard);
        const found = await writer.journals.read({ fence: next, key });
        const codes = await Promise.all(late);
        const accepted = codes.filter((code) => code === 'ACCEPTED').length;
        expect(accepted, String(codes)).toBeLessThanOrEqual(1);
        for (const code of codes) expect(['ACCEPTED', 'STALE_EPOCH', 'JOURNAL_CONFLICT']).toContain(code);
        expect(found.version, String(codes)).toBe(before.version + accepted);
        expect(await writer.journals.read({ fence: next, key })).toEqual(found);
        fence = next;
      }
    });

    test('a journal that has grown to its limit takes a snapshot first', async () => {
      await append(0, ['1', '2', '3', '4']);
      expect(await codeOf(append(4, ['5']))).toBe('OVERLOADED');
      await append(4, ['5'], { snapshot: bytes('five') });
      for (let i = 0; i < 2; i++)
        await store.journals.append({ fence, key: 'a', version: 5 + i, records: [sizeOf(100)] });
      expect(await codeOf(store.journals.append({ fence, key: 'a', version: 7, records: [sizeOf(60)] }))).toBe(
        'OVERLOADED',
      );
      expect(await read()).toMatchObject({ version: 7 });
    });

    test('what is too large or makes no sense is refused', async () => {
      const one = (request: Partial<JournalAppend>): Promise<string> => codeOf(append(0, ['r'], request));
      expect(await one({ records: [sizeOf(101)] })).toBe('MESSAGE_TOO_LARGE');
      expect(await one({ snapshot: sizeOf(151) })).toBe('MESSAGE_TOO_LARGE');
      expect(await one({ history: [sizeOf(101)] })).toBe('MESSAGE_TOO_LARGE');
      expect(await one({ records: ['text' as unknown as Uint8Array] })).toBe('INVALID_ARGUMENT');
      expect(await one({ records: [], history: [bytes('alone')] })).toBe('INVALID_ARGUMENT');
      expect(await one({ key: '' })).toBe('INVALID_ARGUMENT');
      expect(await one({ version: -1 })).not.toBe('ACCEPTED');
      expect(await one({ blobs: ['no name of a blob'] })).toBe('INVALID_ARGUMENT');
      expect(await codeOf(history(-1))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(history(0, 101))).toBe('INVALID_ARGUMENT');
      expect(await read()).toEqual({ version: 0, snapshotVersion: 0, records: [] });
    });

    test('a history grows, is read in pages, and no snapshot touches it', async () => {
      await append(0, ['1'], { history: [bytes('h0'), bytes('h1')] });
      await append(1, ['2'], { history: [bytes('h2')], snapshot: bytes('s') });
      expect(await read()).toMatchObject({ version: 2, history: { first: 0, next: 3 } });
      expect(await history(0)).toEqual(['h0', 'h1', 'h2']);
      expect(await history(1, 1)).toEqual(['h1']);
      expect(await history(3)).toEqual([]);
      await append(2, ['3'], { history: [bytes('h3')], historyFrom: 2 });
      expect(await read()).toMatchObject({ history: { first: 2, next: 4 } });
      expect(await store.journals.history({ fence, key: 'a', from: 0, limit: 100 })).toEqual({
        from: 2,
        items: [bytes('h2'), bytes('h3')],
      });
      await append(3, ['4'], { historyFrom: 1 });
      await append(4, ['5'], { historyFrom: 4, snapshot: bytes('s') });
      expect(await read()).toMatchObject({ history: { first: 4, next: 4 } });
      expect(await history(0)).toEqual([]);
    });

    test('a history is bounded by items and bytes; letting old ones go makes room', async () => {
      const of = (count: number, size: number) => Array.from({ length: count }, () => sizeOf(size));
      await append(0, ['1'], { history: of(6, 1) });
      const full = { code: 'OVERLOADED', data: { full: 'history' } };
      await expect(append(1, ['2'], { history: of(1, 1) })).rejects.toMatchObject(full);
      await append(1, ['2'], { history: of(4, 99), historyFrom: 5 });
      await expect(append(2, ['3'], { history: of(1, 4) })).rejects.toMatchObject(full);
      await append(2, ['3'], { history: of(1, 3) });
      expect(await read()).toMatchObject({ version: 3, history: { first: 5, next: 11 } });
    });

    test('a page ends for its bytes, and has at least one item', async () => {
      await append(0, ['1'], { history: [sizeOf(100), sizeOf(20), sizeOf(1), sizeOf(100)] });
      const page = async (from: number) =>
        (await store.journals.history({ fence, key: 'a', from, limit: 100 })).items.length;
      expect([await page(0), await page(1), await page(2), await page(3)]).toEqual([2, 2, 2, 1]);
    });

    test('blobs have their bytes for a name; they come back from every node', async () => {
      const other = await fixture.open();
      for (const value of [
        sizeOf(0),
        sizeOf(1),
        sizeOf(256),
        sizeOf(257),
        Uint8Array.from({ length: 5_000 }, (_, i) => i * i),
      ]) {
        const id = await store.blobs.put(value);
        expect(id).toBe(blobId(value));
        expect(await other.blobs.put(value)).toBe(id);
        expect(await other.blobs.has(id)).toBe(true);
        expect(await other.blobs.get(id)).toEqual(value);
      }
      const none = blobId(bytes('none'));
      expect(await store.blobs.has(none)).toBe(false);
      expect(await codeOf(store.blobs.get(none))).toBe('NOT_FOUND');
      expect(await codeOf(store.blobs.get('..'))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(store.blobs.put(sizeOf(5_001)))).toBe('MESSAGE_TOO_LARGE');
    });

    test("nodes that put the same blob at the same time don't disturb each other", async () => {
      const value = sizeOf(3_000);
      const stores = await Promise.all([fixture.open(), fixture.open(), fixture.open()]);
      const ids = await Promise.all(stores.map(({ blobs }) => blobs.put(value)));
      expect(new Set(ids)).toEqual(new Set([blobId(value)]));
      expect(await store.blobs.get(blobId(value))).toEqual(value);
    });

    test('a journal names only blobs that are there, all or nothing', async () => {
      const there = await store.blobs.put(bytes('there'));
      const gone = blobId(bytes('gone'));
      await expect(append(0, ['1'], { blobs: [there, gone], history: [bytes('h')] })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        data: { id: gone },
      });
      expect(await read()).toMatchObject({ version: 0, records: [] });
      expect(await append(0, ['1'], { blobs: [there, there] })).toEqual({ version: 1 });
    });

    test('a blob that nobody names goes in time, one that a journal names stays', async () => {
      const [named, loose] = [await store.blobs.put(bytes('named')), await store.blobs.put(bytes('loose'))];
      await append(0, ['1'], { blobs: [named] });
      await append(1, ['2']);
      await fixture.passGrace();
      expect(await store.blobs.has(loose)).toBe(false);
      expect(await store.blobs.get(named)).toEqual(bytes('named'));
    });

    test('a snapshot says which blobs the journal still names; the others have their grace again', async () => {
      const [kept, dropped] = [await store.blobs.put(bytes('kept')), await store.blobs.put(bytes('dropped'))];
      await append(0, ['1'], { blobs: [kept, dropped] });
      await fixture.passGrace();
      await append(1, ['2'], { snapshot: bytes('s'), blobs: [kept] });
      expect(await store.blobs.has(dropped)).toBe(true);
      await fixture.passGrace();
      expect(await store.blobs.has(dropped)).toBe(false);
      expect(await store.blobs.has(kept)).toBe(true);
      expect(await store.blobs.put(bytes('dropped'))).toBe(dropped);
      expect(await store.blobs.get(dropped)).toEqual(bytes('dropped'));
    });

    test('two journals that name one blob each keep it', async () => {
      const id = await store.blobs.put(bytes('shared'));
      for (const key of ['a', NEIGHBOUR]) await append(0, ['1'], { key, blobs: [id] });
      await append(1, ['2'], { snapshot: bytes('s') });
      await fixture.passGrace();
      expect(await store.blobs.has(id)).toBe(true);
      await append(1, ['2'], { key: NEIGHBOUR, snapshot: bytes('s') });
      await fixture.passGrace();
      expect(await store.blobs.has(id)).toBe(false);
    });

    test('a journal names so many blobs and no more', async () => {
      const ids = await Promise.all(['1', '2', '3', '4'].map((text) => store.blobs.put(bytes(text))));
      expect(await codeOf(append(0, ['1'], { blobs: ids }))).toBe('OVERLOADED');
      await append(0, ['1'], { blobs: ids.slice(0, 3) });
      await append(1, ['2'], { blobs: ids.slice(0, 2) });
      expect(await codeOf(append(2, ['3'], { blobs: ids.slice(3) }))).toBe('OVERLOADED');
      expect(await append(2, ['3'], { blobs: ids.slice(3), snapshot: bytes('s') })).toEqual({ version: 3 });
    });

    test('journals whose agents have something to do are found by shard, the soonest first, in pages', async () => {
      const { journals } = store;
      const wakes = async (limit = 100, under = fence) => (await journals.wakes({ fence: under, limit })).wakes;
      expect(await wakes()).toEqual([]);
      const keys = [...'abcdefghijklmnopqrstuvwxyz'].filter((key) => shardOf(key, SHARDS) === fence.shard).slice(0, 4);
      const [a, b, c, d] = keys as [string, string, string, string];
      await append(0, ['1'], { key: a, wake: 30 });
      await append(0, ['1'], { key: b, wake: 10 });
      await append(0, ['1'], { key: c, wake: 10 });
      await append(0, ['1'], { key: d });
      expect(await wakes()).toEqual([
        { key: b, at: 10 },
        { key: c, at: 10 },
        { key: a, at: 30 },
      ]);
      expect(await wakes(1)).toEqual([{ key: b, at: 10 }]);
      const behind = await journals.wakes({ fence, after: { key: b, at: 10 }, limit: 1 });
      expect(behind.wakes).toEqual([{ key: c, at: 10 }]);
      // An append that doesn't say anything of it changes nothing; snapshots neither.
      await append(1, ['2'], { key: b });
      await append(1, ['2'], { key: c, wake: 40, snapshot: bytes('s') });
      await append(1, ['2'], { key: a, wake: 0 });
      expect(await wakes()).toEqual([
        { key: b, at: 10 },
        { key: c, at: 40 },
      ]);
      await append(1, ['2'], { key: d, wake: 0 });
      expect(await codeOf(append(2, [], { key: d, wake: 5 }))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(append(2, ['3'], { key: d, wake: -1 }))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(append(1, ['3'], { key: b, wake: 99 }))).toBe('JOURNAL_CONFLICT');
      expect(await codeOf(wakes(101))).toBe('INVALID_ARGUMENT');
      const next = await fixture.nextOwner(fence.shard);
      expect(await wakes(100, next)).toHaveLength(2);
      expect(await codeOf(wakes())).toBe('STALE_EPOCH');
    });

    test("a deleted journal leaves nothing, is no older owner's to delete, and may begin anew", async () => {
      const id = await store.blobs.put(bytes('large'));
      await append(0, ['1'], { snapshot: bytes('s'), blobs: [id], history: [bytes('h')], wake: 5 });
      await append(1, ['2']);
      await append(0, ['n'], { key: NEIGHBOUR, wake: 6 });
      const remove = (version: number, under = fence) =>
        codeOf(store.journals.delete({ fence: under, key: 'a', version }));
      expect(await remove(1)).toBe('JOURNAL_CONFLICT');
      const next = await fixture.nextOwner(fence.shard);
      expect(await read('a', next)).toMatchObject({ version: 2, records: [bytes('2')] });
      expect(await remove(2)).toBe('STALE_EPOCH');
      fence = next;
      expect(await remove(2)).toBe('ACCEPTED');
      expect(await read()).toEqual({ version: 0, snapshotVersion: 0, records: [] });
      expect(await history(0)).toEqual([]);
      expect((await store.journals.wakes({ fence, limit: 9 })).wakes).toEqual([{ key: NEIGHBOUR, at: 6 }]);
      expect(await read(NEIGHBOUR)).toMatchObject({ records: [bytes('n')] });
      expect(await remove(2)).toBe('JOURNAL_CONFLICT');
      expect(await remove(0)).toBe('ACCEPTED');
      await fixture.passGrace();
      expect(await store.blobs.has(id)).toBe(false);
      await append(0, ['again'], { history: [bytes('h2')] });
      expect(await read()).toMatchObject({ version: 1, records: [bytes('again')], history: { first: 0, next: 1 } });
    });

    test('a blob that has other bytes than its name says is told of, not given', async () => {
      if (fixture.corrupt === undefined) return;
      const id = await store.blobs.put(bytes('right'));
      await fixture.corrupt(id);
      expect(await codeOf(store.blobs.get(id))).toBe('BLOB_CORRUPT');
    });

    test('many journals are written side by side', async () => {
      const keys = Array.from({ length: 200 }, (_, i) => `k${i}`).filter((key) => shardOf(key, SHARDS) === fence.shard);
      await Promise.all(
        keys.map(async (key) => {
          for (let version = 0; version < 3; version++) await append(version, [`${key}.${version}`], { key });
        }),
      );
      const all = await Promise.all(keys.map((key) => read(key)));
      expect(all.map(({ records }) => records)).toEqual(keys.map((key) => [0, 1, 2].map((i) => bytes(`${key}.${i}`))));
    });
  });
}
