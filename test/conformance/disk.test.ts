import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Disk, FileDisk, MemoryDisk } from '../../src/raft/log/index.ts';

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function fileDisk(): Disk {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-disk-'));
  directories.push(directory);
  return new FileDisk(join(directory, 'log'));
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe.each([
  ['FileDisk', fileDisk],
  ['MemoryDisk', (): Disk => new MemoryDisk()],
])('%s', (_name, makeDisk) => {
  test('what was written is read back, at any position, before any sync', () => {
    const file = makeDisk().create('a');
    file.write(Buffer.from('hello world'), 0);
    file.write(Buffer.from('W'), 6);
    const into = new Uint8Array(5);
    expect(file.read(into, 6)).toBe(5);
    expect(text(into)).toBe('World');
    expect(file.size).toBe(11);
    file.close();
  });

  test('a write past the end leaves zeros between', () => {
    const file = makeDisk().create('a');
    file.write(Buffer.from('x'), 3);
    const into = Buffer.alloc(4, 9);
    expect(file.read(into, 0)).toBe(4);
    expect([...into]).toEqual([0, 0, 0, 120]);
    file.close();
  });

  test('a read past the end gives what there is', async () => {
    const file = makeDisk().create('a');
    file.write(Buffer.from('abc'), 0);
    expect(file.read(new Uint8Array(10), 1)).toBe(2);
    expect(file.read(new Uint8Array(10), 5)).toBe(0);
    const into = new Uint8Array(10);
    expect(await file.readAsync(into, 1)).toBe(2);
    expect(text(into.subarray(0, 2))).toBe('bc');
    file.close();
  });

  test('truncate cuts, and what grows back is zeros', () => {
    const file = makeDisk().create('a');
    file.write(Buffer.from('abcdef'), 0);
    file.truncate(2);
    expect(file.size).toBe(2);
    file.write(Buffer.from('z'), 4);
    const into = new Uint8Array(5);
    file.read(into, 0);
    expect([...into]).toEqual([97, 98, 0, 0, 122]);
    file.close();
  });

  test('preallocate makes zeros of the size asked for', async () => {
    const file = makeDisk().create('a');
    file.write(Buffer.from('old'), 0);
    await file.preallocate(3_000_000);
    expect(file.size).toBe(3_000_000);
    const into = Buffer.alloc(3_000_000, 1);
    expect(file.read(into, 0)).toBe(3_000_000);
    expect(into.every((byte) => byte === 0)).toBe(true);
    file.close();
  });

  test('an opened file sees what its creator wrote, and create empties an old one', async () => {
    const disk = makeDisk();
    const first = disk.create('a');
    first.write(Buffer.from('one'), 0);
    await first.sync();
    await disk.syncDirectory();
    const again = disk.open('a');
    expect(again.size).toBe(3);
    again.close();
    first.close();
    const emptied = disk.create('a');
    expect(emptied.size).toBe(0);
    emptied.close();
  });

  test('rename replaces, remove is content with nothing, list is sorted', () => {
    const disk = makeDisk();
    for (const name of ['b', 'a', 'c']) {
      const file = disk.create(name);
      file.write(Buffer.from(name), 0);
      file.close();
    }
    disk.rename('b', 'c');
    disk.remove('nothing');
    expect(disk.list()).toEqual(['a', 'c']);
    const file = disk.open('c');
    const into = new Uint8Array(1);
    file.read(into, 0);
    expect(text(into)).toBe('b');
    file.close();
    disk.remove('a');
    expect(disk.list()).toEqual(['c']);
  });

  test('a removed file can still be read by those who have it open', () => {
    const disk = makeDisk();
    const file = disk.create('a');
    file.write(Buffer.from('still here'), 0);
    disk.remove('a');
    const into = new Uint8Array(10);
    expect(file.read(into, 0)).toBe(10);
    file.close();
  });

  test('a missing file is NOT_FOUND', () => {
    const disk = makeDisk();
    expect(() => disk.open('nothing')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => disk.rename('nothing', 'a')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  test('one holder of the lock at a time, and it is not a file of the directory', () => {
    const disk = makeDisk();
    const unlock = disk.lock();
    expect(() => disk.lock()).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    expect(disk.list()).toEqual([]);
    unlock();
    unlock();
    disk.lock()();
  });
});
