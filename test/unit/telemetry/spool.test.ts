import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Logger, nullLogger } from '../../../src/core/index.ts';
import { ownLife } from '../../../src/telemetry/life.ts';
import type { SpanRecord } from '../../../src/telemetry/span-record.ts';
import { type LeftSpans, leftSpans, lostAt, SpanSpool } from '../../../src/telemetry/spool.ts';

/** No process has this id: it is past what a kernel gives out. */
const DEAD = '999999999-1';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
});

function record(id: string, more: Partial<SpanRecord> = {}): SpanRecord {
  return {
    id,
    trace: 't',
    name: 'n',
    kind: 0,
    start: [10, 0],
    status: { code: 0 },
    attributes: {},
    links: [],
    events: [],
    ...more,
  };
}

function open(more: { spoolBytesMax?: number; logger?: Logger; directory?: string } = {}): SpanSpool {
  return new SpanSpool({ directory, name: 'a', resource: { 'service.name': 's' }, logger: nullLogger, ...more });
}

/** Makes the spools of this process look like those of a dead one. */
function die(): void {
  for (const name of readdirSync(directory)) {
    renameSync(join(directory, name), join(directory, name.replace(ownLife(), DEAD)));
  }
}

function left(): LeftSpans[] {
  return [...leftSpans(directory, 'c')];
}

describe('what a dead life left', () => {
  test('is what was kept and not sent, in its last telling', () => {
    const spool = open();
    spool.keep(record('open'));
    spool.keep(record('ended'));
    spool.keep(record('ended', { end: [11, 5] }));
    spool.keep(record('sent'));
    spool.sent(['sent'], () => []);
    die();
    expect(left()).toMatchObject([
      { resource: { 'service.name': 's' }, spans: [{ id: 'open' }, { id: 'ended', end: [11, 5] }] },
    ]);
  });

  test('is not looked for among the living', () => {
    open().keep(record('mine'));
    expect(left()).toEqual([]);
  });

  test('is read although the last line was cut off by the kill', () => {
    const spool = open();
    spool.keep(record('whole'));
    const [name = ''] = readdirSync(directory);
    appendFileSync(join(directory, name), '{"span":{"id":"ha');
    die();
    expect(left()[0]?.spans.map((span) => span.id)).toEqual(['whole']);
  });

  test('is claimed by one reader only, and goes with discard', () => {
    open().keep(record('a'));
    die();
    const [mine] = left();
    expect(left()).toEqual([]);
    mine?.discard();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('waits for the next life when its reader dies too', () => {
    open().keep(record('a'));
    die();
    expect(left()).toHaveLength(1);
    die();
    expect(left()[0]?.spans.map((span) => span.id)).toEqual(['a']);
  });

  test('ends when its process last wrote, never before its own start', () => {
    open().keep(record('a'));
    const [name = ''] = readdirSync(directory);
    utimesSync(join(directory, name), 20, 20.25);
    die();
    const [found] = left();
    expect(found?.lastWriteMs).toBe(20_250);
    expect(lostAt(record('a'), 20_250)).toEqual([20, 250_000_000]);
    expect(lostAt(record('late', { start: [30, 1] }), 20_250)).toEqual([30, 1]);
  });
});

describe('the spool stays small', () => {
  test('a file is written anew from what is left, once it has grown', () => {
    const spool = open();
    const long = record('long');
    spool.keep(long);
    for (let i = 0; i < 40_000; i++) {
      spool.keep(record(`s${i}`));
      spool.sent([`s${i}`], () => [long]);
    }
    expect(spool.bytes).toBeLessThan(1_100_000);
    const [name = ''] = readdirSync(directory);
    expect(statSync(join(directory, name)).size).toBe(spool.bytes);
    die();
    expect(left()[0]?.spans.map((span) => span.id)).toEqual(['long']);
  });

  test('past its limit it keeps no more and says so once', () => {
    const said: string[] = [];
    const spool = open({ spoolBytesMax: 500, logger: { ...nullLogger, warn: (message) => said.push(message) } });
    for (let i = 0; i < 100; i++) spool.keep(record(`s${i}`));
    expect(spool.bytes).toBeLessThan(800);
    expect(said).toEqual(['span spool is full']);
  });

  test('its file goes when it closes with nothing left, and stays otherwise', () => {
    const spool = open();
    spool.keep(record('a'));
    spool.close(false);
    expect(readFileSync(join(directory, readdirSync(directory)[0] ?? ''), 'utf8')).toContain('"id":"a"');
    open().close(true);
    expect(readdirSync(directory)).toEqual([]);
  });
});

test('a folder that can not be written turns the spool off and fails nothing', () => {
  const said: string[] = [];
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const spool = open({
    directory: join(file, 'spool'),
    logger: { ...nullLogger, warn: (message) => said.push(message) },
  });
  spool.keep(record('a'));
  spool.sent(['a'], () => []);
  spool.close(true);
  expect(said).toEqual(['span spool is off']);
});
