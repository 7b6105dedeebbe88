import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { Ledger, type LedgerEvent, type LogEntry } from '../../../../src/coordinator/index.ts';
import { UNCOMMITTED_ENTRIES_MAX } from '../../../../src/coordinator/ledger/ledger.ts';
import { bytes, LedgerDriver } from './driver.ts';
import { logs } from './history.ts';

let files = 0;
const directory = mkdtempSync(join(tmpdir(), 'troupe-ledger-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function batched(entries: readonly LogEntry[], sizes: readonly number[]): LogEntry[][] {
  const batches: LogEntry[][] = [];
  for (let at = 0, i = 0; at < entries.length; i++) {
    const size = sizes[i % sizes.length] as number;
    batches.push(entries.slice(at, at + size));
    at += size;
  }
  return batches;
}

function replay(
  entries: readonly LogEntry[],
  sizes: readonly number[],
  commits = false,
): { ledger: Ledger; told: string; replies: string } {
  const ledger = new Ledger();
  const events: LedgerEvent[] = [];
  ledger.listen({ changed: (_index, more) => events.push(...more), replaced: () => {} });
  const replies = batched(entries, sizes).flatMap((batch) => {
    const theirs = ledger.apply(batch);
    if (commits) ledger.digest();
    return theirs;
  });
  return {
    ledger,
    told: JSON.stringify(events),
    replies: replies.map((reply) => Buffer.from(reply).toString('hex')).join(),
  };
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

async function* toAsync(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe('the ledger is deterministic', () => {
  test('however a log is batched and committed, state, replies and events are the same', () => {
    fc.assert(
      fc.property(logs, sizes, (entries, batches) => {
        const one = replay(entries, [1], true);
        const other = replay(entries, batches);
        expect(other.replies).toBe(one.replies);
        expect(other.told).toBe(one.told);
        expect(other.ledger.digest()).toBe(one.ledger.digest());
      }),
      { numRuns: 60 },
    );
  });

  test('a snapshot taken anywhere, restored elsewhere, leads to the same state', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(), async (entries, at) => {
        const cut = at % entries.length;
        const source = new Ledger();
        source.apply(entries.slice(0, cut));
        const image = [...source.snapshot()];
        source.apply(entries.slice(cut));
        // What the other one held before is replaced altogether.
        const other = replay(entries.slice(0, Math.min(5, cut)), [1]).ledger;
        await other.restore(cut, toAsync(image));
        expect(other.appliedIndex).toBe(cut);
        other.apply(entries.slice(cut));
        expect(other.digest()).toBe(source.digest());
      }),
      { numRuns: 40 },
    );
  });

  test('different states have different digests', () => {
    const driver = new LedgerDriver();
    const before = driver.ledger.digest();
    driver.run('job.open', { id: 'j', spec: bytes('') });
    expect(driver.ledger.digest()).not.toBe(before);
  });

  test('an entry out of order stops it, and changes nothing', () => {
    const driver = new LedgerDriver();
    const digest = driver.ledger.digest();
    const noop = { index: 5, term: 1, data: new Uint8Array(0) };
    expect(() => driver.ledger.apply([noop, driver.entries[0] as LogEntry])).toThrow('comes after');
    expect(driver.ledger.appliedIndex).toBe(1);
    expect(driver.ledger.digest()).toBe(digest);
  });
});

describe('snapshots', () => {
  function filled(): LedgerDriver {
    const driver = new LedgerDriver({ path: join(directory, `filled-${files++}.db`) });
    driver.run('job.open', { id: 'j', spec: bytes('') });
    const items = Array.from({ length: 40 }, (_, i) => ({ id: `t${i}`, input: new Uint8Array(10_000).fill(i) }));
    driver.run('job.add', { id: 'j', items, seal: true });
    return driver;
  }

  test('come in chunks of at most 64 KiB, as of when they were taken', async () => {
    const driver = filled();
    const before = driver.ledger.digest();
    const index = driver.ledger.appliedIndex;
    const image = driver.ledger.snapshot()[Symbol.iterator]();
    const chunks = [image.next().value as Uint8Array];
    driver.run('job.close', { id: 'j', cancelled: true });
    for (let next = image.next(); !next.done; next = image.next()) chunks.push(next.value);
    expect(chunks.length).toBeGreaterThan(3);
    expect(Math.max(...chunks.map((chunk) => chunk.byteLength))).toBeLessThanOrEqual(65_536);
    const other = new Ledger();
    await other.restore(index, toAsync(chunks));
    expect(other.digest()).toBe(before);
    driver.ledger.close();
  });

  test('any damage is found, and the state stays as it was', async () => {
    const image = Buffer.concat([...filled().ledger.snapshot()]);
    const target = new LedgerDriver();
    const digest = target.ledger.digest();
    const damaged = (at: number): Uint8Array => {
      const copy = new Uint8Array(image);
      copy[at] = (copy[at] as number) ^ 1;
      return copy;
    };
    for (const bad of [
      damaged(5),
      damaged(image.length >> 1),
      damaged(image.length - 1),
      image.subarray(0, image.length - 1),
      image.subarray(0, 100),
      new Uint8Array(0),
    ]) {
      await expect(target.ledger.restore(3, toAsync([bad]))).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
      expect(target.ledger.digest()).toBe(digest);
    }
    await expect(target.ledger.restore(4, toAsync([image]))).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect(target.ledger.digest()).toBe(digest);
    await target.ledger.restore(3, toAsync([image]));
    expect(target.ledger.query('job.get', { id: 'j' }).tasks).toBe(40);
  });

  test('while one is restored, queries are refused rather than answered from half a state', async () => {
    const driver = filled();
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      const [first, ...rest] = [...driver.ledger.snapshot()];
      yield first as Uint8Array;
      await gate.promise;
      yield* rest;
    }
    const target = new Ledger();
    const restored = target.restore(driver.ledger.appliedIndex, slow());
    await Promise.resolve();
    expect(() => target.query('cluster.view', {})).toThrow(expect.objectContaining({ code: 'NODE_UNAVAILABLE' }));
    gate.resolve();
    await restored;
    expect(target.query('job.get', { id: 'j' }).tasks).toBe(40);
  });
});

describe('the file is a cache', () => {
  const path = join(directory, 'cache.db');
  const files = ['', '-wal', '-shm'];
  /** Closes a ledger, and leaves the file as it would be had its process been killed instead. */
  const kill = (ledger: Ledger): void => {
    for (const suffix of files) copyFileSync(path + suffix, `${path}.killed${suffix}`);
    ledger.close();
    for (const suffix of files) {
      rmSync(path + suffix, { force: true });
      renameSync(`${path}.killed${suffix}`, path + suffix);
    }
  };
  /** Writes two entries, or so many that a transaction has been committed. */
  const write = (bootId: string, end: 'clean' | 'killed'): LedgerDriver => {
    const driver = new LedgerDriver({ path, bootId });
    for (let i = 0; i < (end === 'killed' ? UNCOMMITTED_ENTRIES_MAX + 6 : 1); i++)
      driver.run('job.open', { id: `j${i}`, spec: bytes('') });
    if (end === 'clean') driver.ledger.close();
    else kill(driver.ledger);
    return driver;
  };
  const applied = (bootId: string): number => {
    const ledger = new Ledger({ path, bootId });
    const index = ledger.appliedIndex;
    ledger.close();
    for (const suffix of files) rmSync(path + suffix, { force: true });
    return index;
  };

  test('after a clean close it is believed, in this boot and the next', () => {
    write('boot-1', 'clean');
    expect(applied('boot-2')).toBe(2);
  });

  test('after a killed process it is believed, as the machine still held the writes', () => {
    write('boot-1', 'killed');
    expect(applied('boot-1')).toBe(UNCOMMITTED_ENTRIES_MAX);
  });

  test('what a killed process had not committed is applied again, to the same state', () => {
    const { entries } = write('boot-1', 'killed');
    const whole = new Ledger();
    whole.apply(entries);
    const ledger = new Ledger({ path, bootId: 'boot-1' });
    ledger.apply(entries.slice(ledger.appliedIndex));
    expect(ledger.digest()).toBe(whole.digest());
    ledger.close();
    expect(applied('boot-1')).toBe(UNCOMMITTED_ENTRIES_MAX + 7);
  });

  test('after an apply that failed nothing is applied any more: there would be a gap', () => {
    const driver = new LedgerDriver();
    const { entries } = driver;
    expect(() => driver.ledger.apply(entries)).toThrow('comes after');
    expect(() => driver.run('job.open', { id: 'j', spec: bytes('') })).toThrow('comes after');
  });

  describe('when the disk is full at a commit, what had been answered for is gone from it', () => {
    /** The next commit finds no room, and SQLite rolls back by itself. */
    const fillDisk = (): void => {
      const { exec } = DatabaseSync.prototype;
      const spy = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql) {
        if (sql !== 'commit') return exec.call(this, sql);
        spy.mockRestore();
        exec.call(this, 'rollback');
        throw Object.assign(new RangeError('database or disk is full'), { errcode: 13 });
      });
    };

    test('so nothing is read from it any more', () => {
      const driver = new LedgerDriver();
      driver.run('kv.put', { key: 'k', value: bytes('v') });
      fillDisk();
      const puts = Array.from(
        { length: UNCOMMITTED_ENTRIES_MAX },
        () => () => driver.run('kv.put', { key: 'k', value: bytes('v') }),
      );
      expect(() => puts.forEach((put) => void put())).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
      const read = (): unknown => driver.ledger.query('kv.get', { key: 'k' });
      expect(read).toThrow(expect.objectContaining({ code: 'NODE_UNAVAILABLE' }));
    });

    test('so nothing is applied after it, when it was a snapshot that wanted the commit', () => {
      const driver = new LedgerDriver();
      fillDisk();
      expect(() => driver.ledger.snapshot()).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
      const put = (): unknown => driver.run('kv.put', { key: 'k', value: bytes('v') });
      expect(put).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    });
  });

  test('after the machine restarted without a clean close it is discarded', () => {
    write('boot-1', 'killed');
    expect(applied('boot-2')).toBe(0);
  });

  test('a clean mark does not outlive the next opening', () => {
    write('boot-1', 'clean');
    kill(new Ledger({ path, bootId: 'boot-2' }));
    expect(applied('boot-3')).toBe(0);
  });

  test('a file that is not a ledger is discarded', () => {
    writeFileSync(path, 'x'.repeat(10_000));
    expect(applied('boot-1')).toBe(0);
  });

  test('a reopened ledger goes on where it was', () => {
    const driver = new LedgerDriver({ path, bootId: 'boot-1' });
    driver.run('decision.open', {
      id: 'd',
      question: 'q',
      electors: ['a'],
      rule: 'plurality',
      quorum: 0,
      earlyStop: false,
      deadlineMs: 1_000,
    });
    const { dueAt } = driver.ledger;
    const digest = driver.ledger.digest();
    driver.ledger.close();
    const again = new Ledger({ path, bootId: 'boot-1' });
    expect(again.digest()).toBe(digest);
    expect(again.dueAt).toBe(dueAt);
    expect(again.time).toBe(driver.now);
    again.close();
  });
});
