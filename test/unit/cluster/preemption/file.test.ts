import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  fileSource,
  ManualSource,
  type Notice,
  type SourceWatch,
  signalSource,
} from '../../../../src/cluster/index.ts';
import { parseNotice } from '../../../../src/cluster/preemption/file.ts';
import { SeededRandom, type TroupeError } from '../../../../src/core/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

let folder: string;
let path: string;
let clock: ManualClock;
/** What stood, each time that it changed. */
let heard: (readonly Notice[])[];
/** Codes of troubles, each time that they changed. */
let troubles: (string | undefined)[];
let watch: SourceWatch;

const ids = (notices: readonly Notice[] | undefined): unknown => notices?.map(({ id }) => id);
const at = (ms: number): string => new Date(clock.now() + ms).toISOString();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-notice-'));
  path = join(folder, 'notice.json');
  clock = new ManualClock();
  heard = [[]];
  troubles = [undefined];
  watch = fileSource(path, clock, new SeededRandom(1)).start({
    standing: (notices) => {
      if (JSON.stringify(ids(notices)) !== JSON.stringify(ids(heard.at(-1)))) heard.push(notices);
    },
    trouble: (error) => {
      if (error?.code !== troubles.at(-1)) troubles.push(error?.code);
    },
  });
});
afterEach(() => {
  watch.stop();
  rmSync(folder, { recursive: true, force: true });
});

const write = async (text: string): Promise<void> => {
  writeFileSync(path, text);
  await clock.advance(250);
};

describe('the file source', () => {
  test('is at peace while there is no file', async () => {
    await clock.advance(2_000);
    expect([heard, troubles]).toEqual([[[]], [undefined]]);
  });

  test('tells a final notice with the time that is left', async () => {
    await write(JSON.stringify({ action: 'terminate', time: at(15_200) }));
    expect(heard.at(-1)).toMatchObject([{ kind: 'final', reason: 'preemption: terminate', leftMs: 15_000 }]);
  });

  test('tells a rebalance as advisory, and what replaces it as a notice of its own', async () => {
    await write(JSON.stringify({ action: 'rebalance', time: at(0) }));
    await write(JSON.stringify({ action: 'stop', time: at(1_000) }));
    expect(heard.slice(1).map(([notice]) => notice?.kind)).toEqual(['advisory', 'final']);
    expect(heard[1]?.[0]?.id).not.toBe(heard[2]?.[0]?.id);
  });

  test('takes a notice back when the file goes, and knows it again when it comes back', async () => {
    const notice = JSON.stringify({ action: 'rebalance', time: at(60_000) });
    await write(notice);
    await write(notice);
    rmSync(path);
    await clock.advance(1_000);
    await write(notice);
    expect(heard.map((notices) => notices.length)).toEqual([0, 1, 0, 1]);
    expect(ids(heard[3])).toEqual(ids(heard[1]));
  });

  test('takes garbage for trouble and no notice, keeps what stood, and hears the notice that replaces it', async () => {
    await write(JSON.stringify({ action: 'rebalance', time: at(60_000) }));
    await write('{"action":"termin');
    await clock.advance(2_000);
    expect(heard).toHaveLength(2);
    expect(troubles).toEqual([undefined, 'PROTOCOL_VIOLATION']);
    await write(JSON.stringify({ action: 'terminate', time: at(15_000) }));
    expect(heard.at(-1)).toMatchObject([{ kind: 'final' }]);
    expect(troubles.at(-1)).toBeUndefined();
  });

  test('doesn’t read a file that is far too large', async () => {
    await write(`{"action":"terminate","time":"${at(15_000)}"}${' '.repeat(5_000)}`);
    expect([heard, troubles]).toEqual([[[]], [undefined, 'MESSAGE_TOO_LARGE']]);
  });

  test('takes a path that can’t be read for trouble', async () => {
    mkdirSync(path);
    await clock.advance(2_000);
    expect([heard, troubles]).toEqual([[[]], [undefined, 'NODE_UNAVAILABLE']]);
    rmSync(path, { recursive: true });
    await write(JSON.stringify({ action: 'terminate', time: at(15_000) }));
    expect(heard).toHaveLength(2);
  });

  test('is silent after it was stopped, and leaves no timer', async () => {
    watch.stop();
    await write(JSON.stringify({ action: 'terminate', time: at(15_000) }));
    expect(heard).toEqual([[]]);
    expect(clock.pending).toBe(0);
  });
});

describe('a notice in a file', () => {
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
    expect(() => parseNotice(text, now)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  test('whose time is over leaves nothing', () => {
    expect(parseNotice('{"action":"terminate","time":"2001-01-01T00:00:00Z"}', now)).toMatchObject({ leftMs: 0 });
  });

  test.each(['terminate', 'stop', 'hibernate'])('of action %s is final', (action) => {
    expect(parseNotice(JSON.stringify({ action, time: '2026-01-01T00:00:00Z' }), now).kind).toBe('final');
  });
});

/** Hears a source. */
function listen(): { said: (readonly Notice[])[]; standing(notices: readonly Notice[]): void; trouble(): void } {
  const said: (readonly Notice[])[] = [];
  return { said, standing: (notices) => said.push(notices), trouble: (_error?: TroupeError) => undefined };
}

test('the signal source takes SIGTERM for a final notice with the grace that the platform gives', () => {
  const ear = listen();
  const before = process.listenerCount('SIGTERM');
  const own = signalSource(30_000).start(ear);
  process.emit('SIGTERM');
  process.emit('SIGTERM');
  const notice = { id: 'SIGTERM', kind: 'final', reason: 'SIGTERM', leftMs: 30_000 };
  expect(ear.said).toEqual([[notice], [notice]]);
  own.stop();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('the manual source says what the program says, also what it said before anybody listened', () => {
  const source = new ManualSource();
  const notice: Notice = { id: 'n', kind: 'advisory', reason: 'test' };
  source.say(notice);
  const ear = listen();
  const own = source.start(ear);
  source.say();
  own.stop();
  source.say(notice);
  expect(ear.said).toEqual([[notice], []]);
});
