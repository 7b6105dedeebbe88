import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileSource, type Notice, parseNotice, signalSource } from '../../../src/cluster/index.ts';
import { type Logger, nullLogger } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

let folder: string;
let path: string;
let clock: ManualClock;
let heard: Notice[];
let warnings: unknown[];
let stop: () => void;

const at = (ms: number): string => new Date(clock.now() + ms).toISOString();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-notice-'));
  path = join(folder, 'notice.json');
  clock = new ManualClock();
  heard = [];
  warnings = [];
  const logger: Logger = { ...nullLogger, warn: (_message, fields) => warnings.push(fields) };
  stop = fileSource(path, clock).start((notice) => heard.push(notice), logger);
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true, force: true });
});

const write = async (text: string): Promise<void> => {
  writeFileSync(path, text);
  await clock.advance(250);
};

describe('the file source', () => {
  test('is at peace while there is no file', async () => {
    await clock.advance(2_000);
    expect([heard, warnings]).toEqual([[], []]);
  });

  test('tells a final notice with the time that is left', async () => {
    await write(JSON.stringify({ action: 'terminate', time: at(15_200) }));
    expect(heard).toMatchObject([{ kind: 'final', reason: 'preemption: terminate', leftMs: 15_000 }]);
  });

  test('tells a rebalance as advisory, and what follows it as a notice of its own', async () => {
    await write(JSON.stringify({ action: 'rebalance', time: at(0) }));
    await write(JSON.stringify({ action: 'stop', time: at(1_000) }));
    expect(heard.map(({ kind }) => kind)).toEqual(['advisory', 'final']);
    expect(new Set(heard.map(({ id }) => id)).size).toBe(2);
  });

  test('tells the same notice once, also when the file goes and comes back', async () => {
    const notice = JSON.stringify({ action: 'terminate', time: at(60_000) });
    await write(notice);
    await write(notice);
    rmSync(path);
    await clock.advance(1_000);
    await write(notice);
    expect(heard).toHaveLength(1);
  });

  test('logs garbage once, takes it for no notice, and hears the notice that replaces it', async () => {
    await write('{"action":"termin');
    await clock.advance(2_000);
    expect(heard).toEqual([]);
    expect(warnings).toHaveLength(1);
    await write(JSON.stringify({ action: 'terminate', time: at(15_000) }));
    expect(heard).toHaveLength(1);
  });

  test('doesn’t read a file that is far too large', async () => {
    await write(`{"action":"terminate","time":"${at(15_000)}"}${' '.repeat(5_000)}`);
    expect(heard).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  test('logs a path that can’t be read once, not at every look', async () => {
    mkdirSync(path);
    await clock.advance(2_000);
    expect(heard).toEqual([]);
    expect(warnings).toHaveLength(1);
    rmSync(path, { recursive: true });
    writeFileSync(path, JSON.stringify({ action: 'terminate', time: at(15_000) }), { mode: 0o000 });
    // Root reads everything.
    await clock.advance(250);
    chmodSync(path, 0o600);
    await clock.advance(250);
    expect(heard).toHaveLength(1);
  });

  test('is silent after it was stopped, and leaves no timer', async () => {
    stop();
    await write(JSON.stringify({ action: 'terminate', time: at(15_000) }));
    expect(heard).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('a notice', () => {
  const now = 1_700_000_000_000;

  test.each([
    ['nothing', ''],
    ['a number', '42'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no time', '{"action":"terminate"}'],
    ['no date', '{"action":"terminate","time":"soon"}'],
    ['a number as time', '{"action":"terminate","time":12}'],
    ['no action', '{"time":"2026-01-01T00:00:00Z"}'],
    ['an unknown action', '{"action":"celebrate","time":"2026-01-01T00:00:00Z"}'],
  ])('isn’t made of %s', (_what, text) => {
    expect(parseNotice(text, now)).toBeUndefined();
  });

  test('whose time is over leaves nothing', () => {
    expect(parseNotice('{"action":"terminate","time":"2001-01-01T00:00:00Z"}', now)).toMatchObject({ leftMs: 0 });
  });

  test.each(['terminate', 'stop', 'hibernate'])('of action %s is final', (action) => {
    expect(parseNotice(JSON.stringify({ action, time: '2026-01-01T00:00:00Z' }), now)?.kind).toBe('final');
  });
});

describe('the signal source', () => {
  test('takes SIGTERM for a final notice with the grace that the platform gives', () => {
    const notices: Notice[] = [];
    const before = process.listenerCount('SIGTERM');
    const end = signalSource(30_000).start((notice) => notices.push(notice), nullLogger);
    process.emit('SIGTERM');
    process.emit('SIGTERM');
    expect(notices[0]).toEqual({ id: 'SIGTERM', kind: 'final', reason: 'SIGTERM', leftMs: 30_000 });
    expect(new Set(notices.map(({ id }) => id)).size).toBe(1);
    end();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
