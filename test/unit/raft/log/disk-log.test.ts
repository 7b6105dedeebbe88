import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Logger, nullLogger, SeededRandom } from '../../../../src/core/index.ts';
import { FileDisk, MemoryDisk, openDiskLog } from '../../../../src/raft/log/index.ts';
import { bytes, contents, entry, hard, meta, openOn, readAll, run } from './support.ts';

const FIRST = '0000000001.wal';

/** The bytes of a file. */
function dump(disk: MemoryDisk, name: string): Uint8Array {
  const file = disk.open(name);
  const all = new Uint8Array(file.size);
  file.read(all, 0);
  return all;
}

/** Where the text of an entry lies in a file. */
function find(disk: MemoryDisk, name: string, text: string): number {
  const at = Buffer.from(dump(disk, name)).indexOf(text);
  expect(at).toBeGreaterThan(0);
  return at;
}

function recording(): { readonly logger: Logger; readonly lines: unknown[] } {
  const lines: unknown[] = [];
  return { logger: { ...nullLogger, warn: (message, fields) => lines.push([message, fields]) }, lines };
}

describe('group commit', () => {
  test('appends of one turn share one sync, and so do those that come during a sync', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk, { segmentBytes: 1 << 20 });
    await log.append(hard(1), [entry(1, 1)]);
    const gate = Promise.withResolvers<void>();
    disk.beforeSync = () => gate.promise;
    const before = disk.syncs;
    const all = [];
    for (let index = 2; index <= 50; index++) all.push(log.append(undefined, [entry(index, 1)]));
    for (let i = 0; i < 10; i++) await undefined;
    for (let index = 51; index <= 99; index++) all.push(log.append(undefined, [entry(index, 1)]));
    gate.resolve();
    await Promise.all(all);
    expect(disk.syncs - before).toBe(2);
    expect(log.lastIndex()).toBe(99);
  });

  test('writes once what the turn sends has left, unless nothing is sent; seals once the batch is answered', async () => {
    const turns: (() => void)[] = [];
    const did: string[] = [];
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), [entry(1, 1)]);
    for (let i = 0; i < 10; i++) await undefined;
    disk.yieldThen = (run) => turns.push(run);
    disk.beforeWork = (work) => did.push(work);
    const appended = log.append(undefined, [entry(2, 1)]);
    for (let i = 0; i < 10; i++) await undefined;
    expect(did).toEqual([]);
    turns.shift()?.();
    for (let i = 0; i < 10; i++) await undefined;
    expect(did).toEqual([]);
    turns.shift()?.();
    await appended.then(() => did.push('answer'));
    expect(did).toEqual(['write', 'answer']);
    await log.append(undefined, [entry(3, 1)], true).then(() => did.push('answer'));
    expect(did).toEqual(['write', 'answer', 'write', 'answer']);
    // Two turns end; the first finds that a later batch has told of its own.
    for (const run of turns.splice(0)) run();
    expect(did).toEqual(['write', 'answer', 'write', 'answer', 'write']);
    await log.close();
  });

  test('nothing is acknowledged before its sync, and acknowledgements keep the order of the calls', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), [entry(1, 1)]);
    const gate = Promise.withResolvers<void>();
    disk.beforeSync = () => gate.promise;
    const order: string[] = [];
    const all = [
      log.append(hard(2), [entry(2, 2)]).then(() => order.push('entries')),
      log.append(hard(2, undefined, 1), []).then(() => order.push('commit only')),
      log.append(undefined, []).then(() => order.push('nothing')),
    ];
    for (let i = 0; i < 100; i++) await undefined;
    expect(order).toEqual([]);
    expect(log.lastIndex()).toBe(2);
    gate.resolve();
    await Promise.all(all);
    expect(order).toEqual(['entries', 'commit only', 'nothing']);
  });

  test('a commit index alone costs no sync', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    const before = disk.syncs;
    for (let commit = 1; commit <= 3; commit++) await log.append(hard(1, undefined, commit), []);
    expect(disk.syncs).toBe(before);
  });
});

describe('memory', () => {
  test('old entries are read back from disk, in whatever order they were written', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk, { cacheBytesMax: 500 });
    await log.append(hard(1), run(1, 60, 1, 100));
    await log.append(hard(2), run(31, 90, 2, 100));
    for (let index = 91; index < 130; index++) await log.append(undefined, [entry(index, 2, 'y'.repeat(90))]);
    const all = contents(log);
    expect(all).toHaveLength(129);
    expect(all[29]).toBe(`30:1:${'x'.repeat(100)}`);
    expect(all[30]).toBe(`31:2:${'x'.repeat(100)}`);
    expect(all[128]).toBe(`129:2:${'y'.repeat(90)}`);
  });

  test('an entry damaged on disk is noticed when it is read', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk, { cacheBytesMax: 0 });
    await log.append(hard(1), run(1, 5, 1));
    disk.flipBit(FIRST, find(disk, FIRST, '1.3'));
    expect(() => log.entries(3, 4, 100)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
  });

  test('segments behind a snapshot are removed, the newest hard state stays', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(5, 'n2'), []);
    for (let i = 0; i < 50; i++) await log.append(undefined, run(i * 10 + 1, i * 10 + 10, 5, 100));
    const before = disk.list().filter((name) => name.endsWith('.wal')).length;
    await log.saveSnapshot(meta(495, 5), [Buffer.from('s')], 10);
    const after = disk.list().filter((name) => name.endsWith('.wal'));
    expect(before).toBeGreaterThan(15);
    expect(after.length).toBeLessThan(4);
    expect(after).not.toContain(FIRST);
    const again = await openOn(disk.crash());
    expect(again.recovered.hardState).toMatchObject({ term: 5, vote: 'n2' });
    expect([again.firstIndex(), again.lastIndex()]).toEqual([486, 500]);
  });
});

describe('removed segments', () => {
  test('entries that were replaced do not come back when those before them are gone', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 20, 1, 150));
    await log.append(hard(1), run(21, 25, 1, 200));
    await log.append(hard(2), run(18, 20, 2));
    await log.saveSnapshot(meta(20, 2), [Buffer.from('s')], 0);
    expect(disk.list()).not.toContain(FIRST);
    const again = await openOn(disk.crash());
    expect([again.firstIndex(), again.lastIndex(), again.term(20)]).toEqual([21, 20, 2]);
  });
});

describe('a torn tail', () => {
  async function torn(): Promise<{ disk: MemoryDisk; at: number }> {
    let disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    // The power goes in the middle of this one.
    disk.beforeSync = () => new Promise(() => {});
    void log.append(undefined, [entry(4, 1, 'a'.repeat(50)), entry(5, 1, 'b'.repeat(50))]);
    for (let i = 0; i < 20; i++) await undefined;
    disk = disk.kill();
    disk.beforeSync = () => {};
    return { disk, at: find(disk, FIRST, 'bbb') };
  }

  test('is cut, and said', async () => {
    const { disk, at } = await torn();
    disk.flipBit(FIRST, at);
    const { logger, lines } = recording();
    const log = await openOn(disk, { logger });
    expect(contents(log).map((each) => each.slice(0, 3))).toEqual(['1:1', '2:1', '3:1', '4:1']);
    expect(lines).toEqual([['cut a torn tail off the log', expect.objectContaining({ file: FIRST, offset: at - 32 })]]);
    await log.append(hard(2), [entry(5, 2)]);
    const again = await openOn(disk.crash());
    expect(contents(again).at(-1)).toBe('5:2:2.5');
  });

  test('what recovery kept of it survives the next crash', async () => {
    const { disk } = await torn();
    const log = await openOn(disk);
    expect(log.lastIndex()).toBe(5);
    // The leader has been told of 5 by now, though no append of this life was made.
    const again = await openOn(disk.crash());
    expect(again.lastIndex()).toBe(5);
  });

  test('a segment whose creation was torn is begun again', async () => {
    for (let seed = 0; seed < 30; seed++) {
      let disk = new MemoryDisk();
      const log = await openOn(disk);
      await log.append(hard(1), run(1, 5, 1));
      disk.beforeSync = (name) => (name.endsWith('2.wal') ? new Promise(() => {}) : undefined);
      void log.append(undefined, [entry(6, 1, 'z'.repeat(4000))]);
      for (let i = 0; i < 100; i++) await undefined;
      disk = disk.crash(new SeededRandom(seed));
      disk.beforeSync = () => {};
      const again = await openOn(disk);
      expect(again.lastIndex()).toBeGreaterThanOrEqual(5);
      await again.append(hard(2), [entry(6, 2)]);
      expect(contents(await openOn(disk.crash())).at(-1)).toBe('6:2:2.6');
    }
  });
});

describe('damage before the tail', () => {
  test.each([
    ['in the middle', '1.2'],
    ['in the last acknowledged record', '1.5'],
  ])('%s is refused, naming file and offset', async (_where, text) => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    await log.append(undefined, run(4, 5, 1));
    await log.close();
    const at = find(disk, FIRST, text);
    disk.flipBit(FIRST, at, 3);
    await expect(openOn(disk)).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      address: FIRST,
      data: { offset: at - 32 },
    });
  });

  test('any single flipped bit in what was acknowledged is refused, wherever it is', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1, 'n1'), run(1, 3, 1));
    await log.append(hard(2, 'n1'), run(4, 20, 2, 300));
    await log.close();
    const names = disk.list().filter((name) => name.endsWith('.wal'));
    expect(names.length).toBeGreaterThan(1);
    const random = new SeededRandom(5);
    for (const name of names) {
      const content = dump(disk, name);
      const used = content.findLastIndex((byte) => byte !== 0);
      // The very last record only says that all before it is durable; without it nothing is lost.
      const end = name === names.at(-1) ? used - 32 : used;
      for (let i = 0; i < 100; i++) {
        const at = random.int(0, end);
        const bit = random.int(0, 8);
        disk.flipBit(name, at, bit);
        const opened = openOn(disk).then(
          async (again) => {
            const last = again.lastIndex();
            await again.close();
            return last;
          },
          (error) => error.code,
        );
        // A bit of padding is nobody's.
        expect([20, 'LOG_CORRUPT', 'IDENTITY_MISMATCH'], `${name} byte ${at} bit ${bit}`).toContain(await opened);
        disk.flipBit(name, at, bit);
      }
    }
    expect((await openOn(disk)).lastIndex()).toBe(20);
  });

  test('a missing segment is refused', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    for (let i = 0; i < 20; i++) await log.append(hard(1), run(i * 5 + 1, i * 5 + 5, 1, 200));
    await log.close();
    disk.remove('0000000003.wal');
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'LOG_CORRUPT', address: '0000000003.wal' });
    disk.remove(FIRST);
    disk.remove('0000000002.wal');
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('a damaged snapshot is noticed before a byte of the damaged chunk is handed out', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    await log.saveSnapshot(meta(3, 1), [Buffer.from('first'), Buffer.from('second')], 0);
    const [name] = disk.list().filter((each) => each.endsWith('.snap')) as [string];
    disk.flipBit(name, find(disk, name, 'second'));
    const seen: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of log.readSnapshot(3)) seen.push(Buffer.from(chunk).toString());
    };
    await expect(read()).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT', address: name });
    expect(seen).toEqual(['first']);
    await log.close();
    disk.flipBit(name, 20);
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
  });
});

describe('a disk that fails', () => {
  test('one failed sync poisons the log for ever', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 3, 1));
    let failures = 1;
    disk.beforeSync = () => {
      if (failures-- > 0) throw new RangeError('I/O error');
    };
    const first = log.append(undefined, [entry(4, 1)]);
    const second = log.append(undefined, [entry(5, 1)]);
    await expect(first).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await expect(second).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await expect(log.append(undefined, [entry(6, 1)])).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await expect(log.append(hard(1, undefined, 3), [])).rejects.toMatchObject({ code: 'LOG_POISONED' });
    await log.close();
    const again = await openOn(disk.crash());
    expect(contents(again)).toHaveLength(3);
  });

  test('a failed sync of the directory poisons it too', async () => {
    const disk = new MemoryDisk();
    disk.beforeSync = (name) => {
      if (name === '.' && disk.list().includes(FIRST)) throw new RangeError('I/O error');
    };
    const log = await openOn(disk);
    await expect(log.append(hard(1), run(1, 3, 1))).rejects.toMatchObject({ code: 'LOG_POISONED' });
  });

  test('a full disk is one clear error, nothing acknowledged is lost, and there is a way back', async () => {
    const disk = new MemoryDisk({ capacityBytes: 20_000 });
    const log = await openOn(disk);
    let acknowledged = 0;
    let refusal: unknown;
    for (let i = 1; i < 100 && refusal === undefined; i++) {
      await log.append(hard(1), [entry(i, 1, 'x'.repeat(1000))]).then(
        () => {
          acknowledged = i;
        },
        (error) => {
          refusal = error;
        },
      );
    }
    expect(refusal).toMatchObject({ code: 'DISK_FULL' });
    expect(acknowledged).toBeGreaterThan(5);
    await expect(log.append(undefined, [])).rejects.toMatchObject({ code: 'DISK_FULL' });
    await log.close();
    const full = await openOn(disk);
    expect(full.lastIndex()).toBe(acknowledged);
    await full.close();
    disk.capacityBytes = 100_000;
    const again = await openOn(disk);
    await again.append(hard(2), [entry(acknowledged + 1, 2)]);
    expect(again.lastIndex()).toBe(acknowledged + 1);
  });

  test('a snapshot that does not fit leaves the log as it was', async () => {
    const disk = new MemoryDisk({ capacityBytes: 12_000 });
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 5, 1));
    await expect(log.saveSnapshot(meta(5, 1), [Buffer.alloc(50_000)], 0)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect([log.firstIndex(), log.snapshot()]).toEqual([1, undefined]);
    await log.append(undefined, [entry(6, 1)]);
    expect(disk.list().some((name) => name.includes('saving'))).toBe(false);
  });
});

describe('whose directory it is', () => {
  test('another node or another cluster is refused', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 2, 1));
    await log.close();
    await expect(openOn(disk, { id: 'n2' })).rejects.toMatchObject({ code: 'IDENTITY_MISMATCH' });
    await expect(openOn(disk, { clusterId: 'other' })).rejects.toMatchObject({ code: 'IDENTITY_MISMATCH' });
    await openOn(disk);
  });

  test('two cannot have it open at once', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await log.close();
    await openOn(disk);
  });

  test('an id that voted before does not start from an empty directory', async () => {
    await expect(openOn(new MemoryDisk(), { mustExist: true })).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(1), run(1, 5, 1));
    await log.saveSnapshot(meta(5, 1), [Buffer.from('s')], 0);
    await log.close();
    for (const name of disk.list()) if (name.endsWith('.wal')) disk.remove(name);
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('another process is kept out, and a killed one leaves nothing in the way', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'troupe-lock-'));
    try {
      const program = `
        import { FileDisk } from ${JSON.stringify(join(process.cwd(), 'src/raft/log/index.ts'))};
        try { new FileDisk(${JSON.stringify(directory)}).lock(); } catch (error) { console.log(error.code); }
        process.kill(process.pid, 'SIGKILL');`;
      const other = (): string =>
        spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout.trim();
      const log = await openDiskLog({ disk: new FileDisk(directory), clusterId: 'c', id: 'n1' });
      expect(other()).toBe('ALREADY_EXISTS');
      await log.close();
      expect(other()).toBe('');
      await (await openDiskLog({ disk: new FileDisk(directory), clusterId: 'c', id: 'n1' })).close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('snapshots from the leader', () => {
  test('a crash between storing and restarting is made good at the next start', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(3), run(1, 20, 1));
    await log.stageSnapshot(meta(15, 3), bytes('state'));
    disk.beforeSync = (name) => (name.endsWith('.wal') ? new Promise(() => {}) : undefined);
    void log.installSnapshot(meta(15, 3)).catch(() => {});
    for (let i = 0; i < 200; i++) await undefined;
    const next = disk.crash();
    next.beforeSync = () => {};
    const again = await openOn(next);
    expect([again.firstIndex(), again.lastIndex(), again.term(15)]).toEqual([16, 15, 3]);
    expect(await readAll(again.readSnapshot(15))).toBe('state');
    await again.append(undefined, run(16, 17, 3));
    expect(contents(await openOn(next.crash()))).toEqual(['16:3:3.16', '17:3:3.17']);
  });

  test('a process killed in between finds it, and keeps it through a later loss of power', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(3), run(1, 20, 1));
    await log.stageSnapshot(meta(25, 3), bytes('state'));
    disk.beforeSync = (name) => (name === '.' ? new Promise(() => {}) : undefined);
    void log.installSnapshot(meta(25, 3)).catch(() => {});
    for (let i = 0; i < 200; i++) await undefined;
    const killed = disk.kill();
    killed.beforeSync = () => {};
    // A state machine may be restored from it now, so it must not be lost again, even if nothing is appended.
    expect((await openOn(killed)).snapshot()).toEqual(meta(25, 3));
    const crashed = killed.crash();
    const again = await openOn(crashed);
    expect(again.snapshot()).toEqual(meta(25, 3));
    await again.append(undefined, run(26, 27, 3));
    expect(contents(await openOn(crashed.crash()))).toEqual(['26:3:3.26', '27:3:3.27']);
  });

  test('the files of the log before it are removed', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    for (let i = 0; i < 20; i++) await log.append(hard(1), run(i * 10 + 1, i * 10 + 10, 1, 100));
    await log.stageSnapshot(meta(90, 2), bytes('state'));
    await log.append(hard(2), []);
    await log.installSnapshot(meta(90, 2));
    expect(disk.list().filter((name) => name.endsWith('.wal'))).toHaveLength(1);
  });

  test('one that was only staged is forgotten by a crash', async () => {
    const disk = new MemoryDisk();
    const log = await openOn(disk);
    await log.append(hard(3), run(1, 20, 1));
    await log.stageSnapshot(meta(50, 3), bytes('state'));
    const again = await openOn(disk.crash());
    expect([again.lastIndex(), again.snapshot()]).toEqual([20, undefined]);
    await expect(again.installSnapshot(meta(50, 3))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
