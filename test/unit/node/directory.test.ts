import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TroupeError } from '../../../src/core/index.ts';
import { ClusterFolder, inFolder } from '../../../src/node/directory.ts';

let path: string;
let folder: ClusterFolder;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'troupe-folder-')), 'deep', 'cluster');
  folder = new ClusterFolder(path);
});
afterEach(() => rmSync(join(path, '..', '..'), { recursive: true, force: true }));

const card = (node: string) => ({ node, pid: process.pid, addresses: { control: 'c:1', data: 'd:2', api: 'a:3' } });

describe('the folder of a cluster', () => {
  test('is made when it isn’t there, with its parts', () => {
    expect(readdirSync(path).toSorted()).toEqual(['data', 'logs', 'run']);
    expect(() => new ClusterFolder(path)).not.toThrow();
  });

  // A hang isn't caught by a time limit, as it never yields; then the whole run stands still.
  test.runIf(existsSync('/proc/self'))('is refused where none can be made, at once', () => {
    expect(() => new ClusterFolder('/proc/troupe/deep')).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIGURATION' }),
    );
  });

  test('keeps the data, logs and notices of each node apart', () => {
    const places = (node: string): string[] => [folder.dataDir(node), folder.logFile(node), folder.noticeFile(node)];
    expect(new Set([...places('a'), ...places('b')]).size).toBe(6);
    for (const place of places('a')) expect(place.startsWith(path)).toBe(true);
  });

  test('tells who listens where, until they leave', () => {
    expect([folder.card('a'), folder.cards()]).toEqual([undefined, []]);
    folder.publish(card('a'));
    folder.publish(card('b'));
    expect(folder.card('a')).toEqual(card('a'));
    expect(
      folder
        .cards()
        .map(({ node }) => node)
        .toSorted(),
    ).toEqual(['a', 'b']);
    folder.withdraw('a');
    folder.withdraw('a');
    expect(folder.cards().map(({ node }) => node)).toEqual(['b']);
  });

  test('leaves the card of another process that took the node’s place', () => {
    folder.publish({ ...card('a'), pid: process.pid + 1 });
    folder.withdraw('a');
    expect(folder.card('a')).toBeDefined();
  });

  test('that can’t be used says what to mend', () => {
    const file = join(path, 'file');
    writeFileSync(file, '');
    for (const bad of [file, join(file, 'below')]) {
      expect(() => new ClusterFolder(bad)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CONFIGURATION',
          message: expect.stringContaining('dataDir'),
          address: bad,
        }),
      );
    }
    const full = (): never => {
      throw Object.assign(new RangeError('no space left on device'), { code: 'ENOSPC' });
    };
    expect(() => inFolder(path, full)).toThrow(expect.objectContaining({ code: 'DISK_FULL', address: path }));
    const known = new TroupeError('LOG_CORRUPT', 'damaged');
    expect(() =>
      inFolder(path, () => {
        throw known;
      }),
    ).toThrow(known);
  });

  test('replaces what a node said before, and leaves no half-written files', () => {
    folder.publish(card('a'));
    folder.publish({ ...card('a'), pid: 8 });
    expect(folder.card('a')?.pid).toBe(8);
    expect(readdirSync(join(path, 'run'))).toEqual(['a.json']);
  });

  test('tells where a control port is before the node has joined', () => {
    expect(folder.controlAddress('a')).toBeUndefined();
    folder.publishControl('a', '127.0.0.1:1');
    folder.publishControl('a', '127.0.0.1:2');
    expect(folder.controlAddress('a')).toBe('127.0.0.1:2');
    expect(folder.cards()).toEqual([]);
  });

  test('takes a card that is broken, or a notice, for none', () => {
    folder.publish(card('a'));
    writeFileSync(join(path, 'run', 'b.json'), '{"node":"b"');
    writeFileSync(folder.noticeFile('a'), '{}');
    expect(folder.cards()).toEqual([card('a')]);
  });

  test('forgets the last run, and keeps the data', () => {
    folder.publish(card('a'));
    folder.publishControl('a', '127.0.0.1:1');
    writeFileSync(folder.noticeFile('a'), '{}');
    writeFileSync(join(path, 'data', 'kept'), '');
    folder.clearRun();
    expect([folder.cards(), folder.controlAddress('a'), existsSync(folder.noticeFile('a'))]).toEqual([
      [],
      undefined,
      false,
    ]);
    expect(existsSync(join(path, 'data', 'kept'))).toBe(true);
  });
});
