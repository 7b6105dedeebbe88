import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FileDisk, MemoryDisk, MemoryLog, openDiskLog, type RaftLog } from '../../src/raft/log/index.ts';
import { bytes, contents, entry, hard, meta, readAll, run } from '../unit/raft/log/support.ts';

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Opens a log, and opens it again after it was closed. */
interface Place {
  open(): Promise<RaftLog>;
}

const places: [string, () => Place][] = [
  [
    'DiskLog on files',
    () => {
      const directory = mkdtempSync(join(tmpdir(), 'troupe-log-'));
      directories.push(directory);
      const disk = new FileDisk(directory);
      return { open: () => openDiskLog({ disk, clusterId: 'c', id: 'n1', segmentBytes: 8192, cacheBytesMax: 1000 }) };
    },
  ],
  [
    'DiskLog in memory',
    () => {
      const disk = new MemoryDisk();
      return { open: () => openDiskLog({ disk, clusterId: 'c', id: 'n1', segmentBytes: 8192, cacheBytesMax: 1000 }) };
    },
  ],
  [
    'MemoryLog',
    () => {
      let log: MemoryLog | undefined;
      return {
        async open() {
          log = new MemoryLog(log);
          return log;
        },
      };
    },
  ],
];

describe.each(places)('%s', (_name, makePlace) => {
  test('a new log is empty and begins at 1', async () => {
    const log = await makePlace().open();
    expect([log.firstIndex(), log.lastIndex(), log.term(0), log.term(1)]).toEqual([1, 0, 0, undefined]);
    expect(log.recovered).toEqual({ hardState: undefined, snapshot: undefined });
    expect(log.entries(1, 10, 1000)).toEqual([]);
    await log.close();
  });

  test('entries are seen at once and are there after opening again, with the hard state', async () => {
    const place = makePlace();
    const log = await place.open();
    const done = log.append(hard(2, 'n2', 1), [entry(1, 1), { ...entry(2, 2), kind: 'config' }, entry(3, 2, '')]);
    expect(log.lastIndex()).toBe(3);
    expect(log.term(2)).toBe(2);
    await done;
    const before = log.entries(1, 4, 1000);
    await log.close();
    const again = await place.open();
    expect(again.recovered.hardState).toEqual(hard(2, 'n2', 1));
    expect(again.entries(1, 4, 1000)?.map((each) => ({ ...each, data: [...each.data] }))).toEqual(
      before?.map((each) => ({ ...each, data: [...each.data] })),
    );
    expect(again.entries(2, 3, 1000)?.[0]?.kind).toBe('config');
    await again.close();
  });

  test('a commit index alone is not lost by closing', async () => {
    const place = makePlace();
    const log = await place.open();
    await log.append(hard(1, 'n1', 0), run(1, 3, 1));
    await log.append(hard(1, 'n1', 2), []);
    await log.close();
    const again = await place.open();
    expect(again.recovered.hardState?.commit).toBe(2);
    await again.close();
  });

  test('an append in the middle replaces what followed', async () => {
    const place = makePlace();
    const log = await place.open();
    await log.append(hard(1), run(1, 6, 1));
    await log.append(hard(2), run(4, 5, 2));
    expect(contents(log)).toEqual(['1:1:1.1', '2:1:1.2', '3:1:1.3', '4:2:2.4', '5:2:2.5']);
    expect(log.term(6)).toBeUndefined();
    await log.close();
    const again = await place.open();
    expect(contents(again)).toEqual(['1:1:1.1', '2:1:1.2', '3:1:1.3', '4:2:2.4', '5:2:2.5']);
    await again.close();
  });

  test('entries are cut by size, but one always comes', async () => {
    const log = await makePlace().open();
    await log.append(hard(1), run(1, 100, 1, 200));
    expect(log.entries(1, 101, 10)?.map((each) => each.index)).toEqual([1]);
    expect(log.entries(1, 101, 216 * 3)?.length).toBe(3);
    expect(log.entries(90, 101, 216 * 3 - 1)?.length).toBe(2);
    expect(log.entries(1, 101, 1e9)?.length).toBe(100);
    expect(log.entries(50, 101, 216 * 60)?.map((each) => each.index)).toEqual(run(50, 100, 1).map((e) => e.index));
    await log.close();
  });

  test('a snapshot is read back in pieces, and the log keeps the entries asked for', async () => {
    const place = makePlace();
    const log = await place.open();
    await log.append(hard(1), run(1, 500, 1, 100));
    const big = 'abc'.repeat(50_000);
    await log.saveSnapshot(meta(400, 1), [Buffer.from(big), Buffer.from('end')], 10);
    expect([log.firstIndex(), log.lastIndex(), log.term(390), log.term(389)]).toEqual([391, 500, 1, undefined]);
    expect(log.entries(390, 400, 1000)).toBeUndefined();
    for await (const chunk of log.readSnapshot(400)) expect(chunk.byteLength).toBeLessThanOrEqual(65_536);
    await log.close();
    const again = await place.open();
    expect(again.recovered.snapshot).toEqual(meta(400, 1));
    expect([again.firstIndex(), again.lastIndex(), again.term(390)]).toEqual([391, 500, 1]);
    expect(await readAll(again.readSnapshot(400))).toBe(`${big}end`);
    await again.close();
  });

  test('the newest two snapshots are kept', async () => {
    const log = await makePlace().open();
    await log.append(hard(1), run(1, 30, 1));
    for (const index of [10, 20, 30]) await log.saveSnapshot(meta(index, 1), [Buffer.from(`${index}`)], 100);
    await expect(readAll(log.readSnapshot(10))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await readAll(log.readSnapshot(20))).toBe('20');
    expect(log.snapshot()).toEqual(meta(30, 1));
    expect(log.firstIndex()).toBe(1);
    await log.close();
  });

  test('a snapshot from the leader restarts the log, once it is installed', async () => {
    const place = makePlace();
    const log = await place.open();
    await log.append(hard(1), run(1, 20, 1));
    await log.stageSnapshot(meta(15, 3), bytes('state'));
    expect(log.snapshot()).toBeUndefined();
    await log.append(hard(3), []);
    await expect(log.installSnapshot(meta(14, 3))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await log.installSnapshot(meta(15, 3));
    expect([log.firstIndex(), log.lastIndex(), log.term(15), log.term(16)]).toEqual([16, 15, 3, undefined]);
    await log.append(undefined, run(16, 17, 3));
    await log.close();
    const again = await place.open();
    expect(contents(again)).toEqual(['16:3:3.16', '17:3:3.17']);
    expect(await readAll(again.readSnapshot(15))).toBe('state');
    await again.close();
  });

  test('a closed log takes nothing more', async () => {
    const log = await makePlace().open();
    await log.close();
    await log.close();
    await expect(log.append(hard(1), run(1, 1, 1))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
