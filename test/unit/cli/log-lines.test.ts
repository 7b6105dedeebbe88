import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatLogLine, LogTail } from '../../../src/cli/log-lines.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-logs-'));
  path = join(folder, 'node-1.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('following a log', () => {
  test('begins with the last lines, then gives whole new lines', () => {
    writeFileSync(path, 'a\nb\nc\n');
    const tail = new LogTail(path);
    expect(tail.read(2)).toEqual(['b', 'c']);
    appendFileSync(path, 'd\nhalf');
    expect(tail.read(2)).toEqual(['d']);
    appendFileSync(path, ' and half\n');
    expect(tail.read(2)).toEqual(['half and half']);
    expect(tail.read(2)).toEqual([]);
  });

  test('no lines from before when none are wanted', () => {
    writeFileSync(path, 'a\n');
    const tail = new LogTail(path);
    expect(tail.read(0)).toEqual([]);
    appendFileSync(path, 'b\n');
    expect(tail.read(0)).toEqual(['b']);
  });

  test('a character cut in two by a write is whole', () => {
    const bytes = Buffer.from('é\n');
    writeFileSync(path, bytes.subarray(0, 1));
    const tail = new LogTail(path);
    expect(tail.read(9)).toEqual([]);
    appendFileSync(path, bytes.subarray(1));
    expect(tail.read(9)).toEqual(['é']);
  });

  test('waits for a file that is not there, and starts over with one begun anew', () => {
    const tail = new LogTail(path);
    expect(tail.read(9)).toEqual([]);
    writeFileSync(path, 'a long first line\n');
    expect(tail.read(9)).toEqual(['a long first line']);
    writeFileSync(path, 'new\n');
    expect(tail.read(9)).toEqual(['new']);
  });

  test('of a large file only the end is read, without half a line', () => {
    const line = `${'x'.repeat(999)}\n`;
    writeFileSync(path, line.repeat(3_000));
    const lines = new LogTail(path).read(1_000_000);
    expect(lines.length).toBeLessThan(1_100);
    expect(new Set(lines)).toEqual(new Set(['x'.repeat(999)]));
  });
});

describe('a log line for a person', () => {
  test('has time, level, message and fields', () => {
    const line =
      '{"level":"warn","time":"2026-01-02T03:04:05.678Z","node":"n","msg":"shard moved","ms":3,"to":{"a":1}}';
    expect(formatLogLine(line)).toBe('03:04:05.678 warn  shard moved ms=3 to={"a":1}');
    expect(formatLogLine(line, 'node-1')).toBe('node-1   03:04:05.678 warn  shard moved ms=3 to={"a":1}');
  });

  test('that is no log entry stays as it is', () => {
    expect(formatLogLine('panic: {')).toBe('panic: {');
    expect(formatLogLine('[1]')).toBe('[1]');
  });
});
