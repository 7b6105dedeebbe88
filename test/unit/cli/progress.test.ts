import { describe, expect, test } from 'vitest';
import { formatCount, formatMs, formatProgress, Throughput } from '../../../src/cli/progress.ts';
import { ProgressLine } from '../../../src/cli/progress-line.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

describe('progress for a person', () => {
  test.each([
    [850, '850 ms'],
    [12_300, '12 s'],
    [59_800, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  test('counts have their thousands set apart', () => {
    expect([0, 999, 1_000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  test('a line has count, share, throughput and time left', () => {
    expect(formatProgress('audit', { done: 412, total: 1_203 }, 210)).toBe('audit  412/1,203  34 %  210/s  4 s left');
    expect(formatProgress('audit', { done: 1_203, total: 1_203 }, 2.5)).toBe('audit  1,203/1,203  100 %  2.5/s');
    expect(formatProgress('audit', { done: 0, total: 10 }, undefined)).toBe('audit  0/10  0 %');
    expect(formatProgress('audit', { done: 0, total: 0 }, undefined)).toBe('audit  0/0  100 %');
    expect(formatProgress('audit', { done: 999, total: 1_000 }, undefined)).toContain('99 %');
    expect(formatProgress('audit', { done: 5, total: 10 }, undefined, true)).toContain('██████████░░░░░░░░░░');
  });

  test('throughput looks back five seconds', () => {
    const rate = new Throughput();
    let done = 0;
    for (let at = 0; at <= 60_000; at += 50) {
      done += at < 30_000 ? 50 : 5;
      rate.add(at, done);
    }
    expect(rate.perSecond(60_000, done)).toBeCloseTo(100, 0);
  });

  test('throughput is unknown at the beginning and when nothing moves', () => {
    const rate = new Throughput();
    expect(rate.perSecond(0, 0)).toBeUndefined();
    rate.add(0, 5);
    expect(rate.perSecond(10, 6)).toBeUndefined();
    expect(rate.perSecond(1_000, 5)).toBeUndefined();
    expect(rate.perSecond(1_000, 10)).toBe(5);
  });
});

describe('the progress line', () => {
  test('is plain lines every two seconds, and the last, where there is no terminal', async () => {
    const clock = new ManualClock();
    const written: string[] = [];
    const line = new ProgressLine('job', { write: (text) => written.push(text) }, clock);
    for (let done = 0; done <= 50; done++) {
      line.update({ done, total: 50 });
      await clock.advance(100);
    }
    line.say('chaos');
    line.end();
    expect(written.map((text) => text.split('  ')[1] ?? text)).toEqual(['0/50', '20/50', '40/50', '50/50', 'chaos\n']);
    expect(written.join('')).not.toContain('\u001b');
  });

  test('is one line that is drawn anew on a terminal, no wider than it', async () => {
    const clock = new ManualClock();
    const written: string[] = [];
    const line = new ProgressLine('job', { write: (text) => written.push(text), isTTY: true, columns: 30 }, clock);
    line.update({ done: 1, total: 100 });
    line.update({ done: 2, total: 100 });
    await clock.advance(100);
    line.update({ done: 3, total: 100 });
    line.say('hello');
    line.end();
    expect(written).toHaveLength(4);
    const start = '\r\u001b[2K';
    expect(written[0]?.startsWith(`${start}job`)).toBe(true);
    expect(written[1]?.length).toBeLessThan(30 + start.length);
    expect(written[2]).toBe(`${start}hello\n${written[1]?.slice(start.length)}`);
    expect(written[3]).toBe('\n');
  });
});
