import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TroupeError } from '../../../src/core/index.ts';
import { createLogger, type LogLevel, pinoLogger } from '../../../src/telemetry/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

function capture(level?: string) {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
  const options = { fields: { node: 'node-1' }, clock: new ManualClock(0) };
  const logger = pinoLogger(stream, level === undefined ? options : { ...options, level: level as LogLevel });
  return { logger, lines };
}

describe('logger', () => {
  test('a line has level, time, the fields of its logger and its own, and the message', () => {
    const { logger, lines } = capture();
    logger.child({ room: 'raft' }).info('elected', { term: 3 });
    expect(lines).toEqual([
      { level: 'info', time: '1970-01-01T00:00:00.000Z', node: 'node-1', room: 'raft', term: 3, msg: 'elected' },
    ]);
  });

  test('lines below the level are not written', () => {
    const { logger, lines } = capture('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines.map((line) => line.msg)).toEqual(['loud']);
  });

  test('an unknown level is told and counts as info', () => {
    const { logger, lines } = capture('chatty');
    logger.debug('no');
    expect(lines).toMatchObject([{ msg: 'unknown log level', asked: 'chatty' }]);
  });

  test('an error keeps its code and its cause', () => {
    const { logger, lines } = capture();
    logger.error('gone', {
      error: new TroupeError('TIMEOUT', 'late', { cause: new RangeError('far') }),
      other: new TypeError('odd'),
    });
    expect(lines[0]).toMatchObject({
      error: { code: 'TIMEOUT', message: 'late', cause: { name: 'RangeError', message: 'far' } },
      other: { name: 'TypeError', message: 'odd', stack: expect.stringContaining('logger.test') },
    });
  });

  test.skipIf(process.platform !== 'linux')('a full disk costs lines, never the process', () => {
    const logger = createLogger({ file: '/dev/full' });
    for (let i = 0; i < 10; i++) logger.info('x'.repeat(100_000));
  });

  test('a file is there, folders and all, the moment a line is logged', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'log-')), 'node-1', 'main.log');
    createLogger({ file }).info('started');
    expect(readFileSync(file, 'utf8')).toContain('"msg":"started"');
  });
});
