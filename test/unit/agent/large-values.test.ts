import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentJournal } from '../../../src/agent/journal.ts';
import { systemClock } from '../../../src/core/index.ts';
import { type JournalAppend, type JournalStore, MemoryStore } from '../../../src/journal/index.ts';

const fence = { group: 'g', shard: 0, epoch: 1 };
const text = (letter: string, size = 200_000): string => letter.repeat(size);

let store: MemoryStore;
let appends: JournalAppend[];
let noted: JournalStore;
let puts: number;

beforeEach(() => {
  store = new MemoryStore(systemClock);
  appends = [];
  puts = 0;
  noted = {
    ...store,
    journals: {
      ...store.journals,
      append(request) {
        appends.push(request);
        return store.journals.append(request);
      },
    },
    blobs: {
      ...store.blobs,
      put(bytes) {
        puts++;
        return store.blobs.put(bytes);
      },
    },
    close: () => store.close(),
  };
});
afterEach(() => store.close());

const load = (): Promise<AgentJournal> => AgentJournal.load(noted, fence, 'a');
const written = (): number =>
  appends.flatMap(({ records }) => records).reduce((sum, { byteLength }) => sum + byteLength, 0);

describe('values too large for a journal', () => {
  test('of steps, replies and states are named there, and come back when it is read', async () => {
    const before = await load();
    await before.stepStarted('r1', 'fetch', 'k');
    await before.stepDone('r1', 'fetch', text('a'));
    await before.turnDone('r2', text('b'), { state: { page: text('c'), small: 1 } });
    await before.turnDone('r3', 'small', undefined);
    expect(written()).toBeLessThan(2_000);
    expect(appends.flatMap(({ blobs }) => blobs ?? [])).toHaveLength(3);
    for (const journal of [before, await load()]) {
      expect(journal.step('r1', 'fetch')?.done?.value).toBe(text('a'));
      expect(journal.reply('r2')?.value).toBe(text('b'));
      expect(journal.reply('r3')?.value).toBe('small');
      expect(journal.state?.value).toEqual({ page: text('c'), small: 1 });
    }
  });

  test('are not written again by a snapshot, which names those that are still needed', async () => {
    const before = await load();
    await before.stepStarted('open', 'fetch', 'k');
    await before.stepDone('open', 'fetch', text('a'));
    await before.turnDone('old', text('b'), { state: text('c') });
    await before.turnDone('new', text('d'), { state: text('e') });
    for (let i = 0; i < 62; i++) await before.turnDone(`r${i}`, i, undefined);
    const [snapshot] = appends.filter((append) => append.snapshot !== undefined);
    expect(snapshot?.snapshot?.byteLength).toBeLessThan(5_000);
    // a, b, d and the newest state: c is nobody's any more.
    expect(snapshot?.blobs).toHaveLength(4);
    expect(puts).toBe(5);
    const after = await load();
    expect(after.step('open', 'fetch')?.done?.value).toBe(text('a'));
    expect([after.reply('old')?.value, after.reply('new')?.value]).toEqual([text('b'), text('d')]);
    expect(after.state?.value).toBe(text('e'));
    // The 65th reply pushes out the first, and its blob.
    for (let i = 62; i < 110; i++) await after.turnDone(`r${i}`, i, undefined);
    expect(appends.findLast((append) => append.snapshot !== undefined)?.blobs).toHaveLength(2);
    expect(after.reply('old')).toBeUndefined();
  });

  test('count with what the journal remembers, also once a snapshot only names them, until they are forgotten', async () => {
    const journal = await load();
    const atLeast = (values: number, bytes: number): void => {
      expect(bytes).toBeGreaterThanOrEqual(values * 200_000);
      expect(bytes).toBeLessThan(values * 200_000 + 20_000);
    };
    await journal.stepStarted('open', 'fetch', 'k');
    await journal.stepDone('open', 'fetch', text('a'));
    await journal.turnDone('r', text('b'), { state: text('c') });
    atLeast(3, journal.bytes);
    for (let i = 0; i < 50; i++) await journal.turnDone(`r${i}`, i, undefined);
    expect(appends.at(-1)?.snapshot ?? appends.at(-4)?.snapshot).toBeDefined();
    for (const each of [journal, await load()]) atLeast(3, each.bytes);
    for (let i = 50; i < 160; i++) await journal.turnDone(`r${i}`, i, i === 60 ? { state: 'small' } : undefined);
    atLeast(1, journal.bytes);
  });

  test('that are small stay where they are, beside a large one of the same line', async () => {
    const journal = await load();
    await journal.turnDone('r', text('a'), { state: 'small' });
    expect([puts, appends[0]?.blobs?.length]).toEqual([1, 1]);
    const after = await load();
    expect([after.state?.value, after.reply('r')?.value]).toEqual(['small', text('a')]);
  });

  test('that the store refuses fail the write, as any', async () => {
    const journal = await load();
    await expect(journal.turnDone('r', text('a', 17 * 1024 * 1024), undefined)).rejects.toMatchObject({
      cause: { code: 'MESSAGE_TOO_LARGE' },
    });
  });
});
