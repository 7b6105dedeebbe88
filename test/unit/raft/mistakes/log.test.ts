import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/core/index.ts';
import { MemoryDisk } from '../../../../src/raft/log/index.ts';
import { contents, entry, hard, openOn, run } from '../log/support.ts';

const FIRST = '0000000001.wal';
const SEEDS = 200;

/** Lets everything happen that doesn't wait for a sync. */
async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await undefined;
}

/** The power goes while `write` is being synced; what was written survives in part, sector by sector. */
async function crashDuring(disk: MemoryDisk, seed: number, write: () => Promise<void>): Promise<MemoryDisk> {
  disk.beforeSync = () => new Promise(() => {});
  write().catch(() => {});
  await settle();
  const found = disk.crash(new SeededRandom(seed));
  found.beforeSync = () => {};
  return found;
}

test('mistake 6: no entry is durable before the term that it was taken in', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = new MemoryDisk();
    const before = await openOn(disk);
    await before.append(hard(1, 'n1'), run(1, 3, 1, 300));
    // A new leader's entries and its term come in one piece of work, larger than a sector.
    const after = await crashDuring(disk, seed, () => before.append(hard(2, 'n2'), run(4, 7, 2, 600)));
    const again = await openOn(after);
    const { term = 0, vote } = again.recovered.hardState ?? {};
    const last = again.lastIndex();
    expect(again.term(last), `seed ${seed}: entries up to ${last}, term ${term}`).toBeLessThanOrEqual(term);
    expect(term === 2 ? vote : 'n2').toBe('n2');
    expect(last).toBeGreaterThanOrEqual(3);
    outcomes.add(`${term} ${last > 3 ? 'some' : 'none'}`);
  }
  // All that may happen did: neither survived, the term without entries, the term with some.
  expect([...outcomes].sort()).toEqual(['1 none', '2 none', '2 some']);
});

describe('mistake 9: after a sync failed once nothing is believed any more', () => {
  test('whatever later syncs would say, every append is refused and nothing is written', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    let broken = true;
    disk.beforeSync = () => {
      if (broken) throw new RangeError('EIO');
    };
    await expect(log.append(hard(2, 'n2'), [entry(4, 2)])).rejects.toMatchObject({ code: 'LOG_POISONED' });
    // The disk is well again, and would say so: but what it was told before is gone, as the kernel took it for written.
    broken = false;
    const { syncs, usedBytes } = disk;
    for (let i = 0; i < 3; i++) {
      await expect(log.append(hard(3, 'n3'), [entry(4, 3)])).rejects.toMatchObject({ code: 'LOG_POISONED' });
      await expect(log.append(undefined, [])).rejects.toMatchObject({ code: 'LOG_POISONED' });
    }
    await log.close();
    expect({ syncs: disk.syncs, usedBytes: disk.usedBytes }).toEqual({ syncs, usedBytes });
    const again = await openOn(disk.crash());
    expect(contents(again)).toEqual(['1:1:1.1', '2:1:1.2', '3:1:1.3']);
    expect(again.recovered.hardState).toMatchObject({ term: 1 });
  });

  test('what waited behind the failed sync is refused with it', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    let fail: (error: unknown) => void = () => {};
    disk.beforeSync = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const work = [4, 5, 6].map(async (index) => {
      const done = log.append(undefined, [entry(index, 1)]);
      await settle();
      return done;
    });
    await settle();
    fail(new RangeError('EIO'));
    for (const each of work) await expect(each).rejects.toMatchObject({ code: 'LOG_POISONED' });
  });
});

describe('mistake 10: a torn tail is cut, damage in the middle is refused', () => {
  test('wherever a crash tears the last write, the log opens with all that was acknowledged, and can go on', async () => {
    const kept = new Set<number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      let disk = new MemoryDisk();
      const first = await openOn(disk);
      await first.append(hard(1), run(1, 5, 1, 200));
      disk = await crashDuring(disk, seed, () => first.append(undefined, run(6, 15, 1, 200)));
      const again = await openOn(disk);
      const last = again.lastIndex();
      expect(last, `seed ${seed}`).toBeGreaterThanOrEqual(5);
      kept.add(last);
      await again.append(hard(2), [entry(last + 1, 2)]);
      expect(contents(await openOn(disk.crash())).at(-1), `seed ${seed}`).toBe(`${last + 1}:2:2.${last + 1}`);
    }
    // Nothing, everything, and much between.
    expect(kept).toContain(5);
    expect(kept).toContain(15);
    expect(kept.size).toBeGreaterThan(5);
  });

  test('each bit of each acknowledged entry counts: none is dropped in silence', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    for (let index = 1; index <= 6; index++) await log.append(hard(1, undefined, index), [entry(index, 1)]);
    await log.close();
    const file = disk.open(FIRST);
    const bytes = Buffer.alloc(file.size);
    file.read(bytes, 0);
    for (let index = 1; index <= 6; index++) {
      const data = bytes.indexOf(`1.${index}`);
      for (let at = data - 32; at < data + 3; at++) {
        for (let bit = 0; bit < 8; bit++) {
          disk.flipBit(FIRST, at, bit);
          const refusal = await openOn(disk).then(
            () => 'it opened',
            (error) => error.code,
          );
          expect(refusal, `entry ${index}, byte ${at}, bit ${bit}`).toBe('LOG_CORRUPT');
          disk.flipBit(FIRST, at, bit);
        }
      }
    }
    expect((await openOn(disk)).lastIndex()).toBe(6);
  });
});

describe('mistake 11: a segment counts only once the directory knows its name', () => {
  /** Fills several segments, then the power goes and takes all that wasn't synced, names of files included. */
  async function fill(disk: MemoryDisk): Promise<{ readonly acknowledged: number; readonly found: MemoryDisk }> {
    const log = await openOn(disk);
    for (let i = 0; i < 10; i++) await log.append(hard(1), run(i * 5 + 1, i * 5 + 5, 1, 300));
    return { acknowledged: 50, found: disk.crash() };
  }

  test('what was acknowledged in new segments survives a crash that forgets names', async () => {
    const { acknowledged, found } = await fill(new MemoryDisk());
    expect(found.list().filter((name) => name.endsWith('.wal')).length).toBeGreaterThan(3);
    expect((await openOn(found)).lastIndex()).toBe(acknowledged);
  });

  test('this test notices: on a disk that only claims to sync its directory the segments are gone', async () => {
    const { found } = await fill(new MemoryDisk({ lies: 'directory' }));
    expect(found.list().filter((name) => name.endsWith('.wal'))).toEqual([]);
  });

  test('a sync of the directory that fails is a failed append', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 5, 1));
    disk.beforeSync = (name) => {
      if (name === '.') throw new RangeError('EIO');
    };
    const rotating = log.append(undefined, run(6, 10, 1, 1_000));
    await expect(rotating).rejects.toMatchObject({ code: 'LOG_POISONED' });
    const found = disk.crash();
    found.beforeSync = () => {};
    expect((await openOn(found)).lastIndex()).toBe(5);
  });
});
