import { describe, expect, test } from 'vitest';
import { TroupeError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/index.ts';
import { Channel, type Frame, type Handlers } from '../../../src/thread/channel.ts';
import { CALLS_MAX, FRAMES_MAX, FRAMES_PER_TURN_MAX } from '../../../src/thread/limits.ts';
import { encodePayload } from '../../../src/wire/index.ts';

const body = (value: unknown): Uint8Array => new Uint8Array(encodePayload(value));

/** One end alone: what it posts, and why it broke. */
function end(handlers: Handlers = {}) {
  const clock = new ManualClock();
  const posted: Frame[] = [];
  const broken: TroupeError[] = [];
  const channel = new Channel(
    (frame) => posted.push(frame),
    clock,
    (error) => broken.push(error),
  );
  channel.serve(handlers);
  return { clock, posted, broken, channel };
}

/** Two ends that hear each other in the next turn of the event loop. */
function pair(there: Handlers): Channel {
  const clock = new ManualClock();
  const broken = (error: TroupeError): void => {
    throw error;
  };
  const a: Channel = new Channel((frame) => setImmediate(() => b.take(structuredClone(frame))), clock, broken);
  const b: Channel = new Channel((frame) => setImmediate(() => a.take(structuredClone(frame))), clock, broken);
  b.serve(there);
  return a;
}

describe('a channel', () => {
  test('carries calls and their answers; errors keep their type', async () => {
    const a = pair({
      add: (value) => (value as number) + 1,
      fail: () => {
        throw new TroupeError('NOT_FOUND', 'no', { data: { key: 'k' } });
      },
      crash: () => {
        throw new RangeError('boom');
      },
    });
    expect(await Promise.all([1, 2, 3].map((n) => a.call('add', n)))).toEqual([2, 3, 4]);
    await expect(a.call('fail', undefined)).rejects.toMatchObject({ code: 'NOT_FOUND', data: { key: 'k' } });
    await expect(a.call('crash', undefined)).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      cause: { originalName: 'RangeError' },
    });
  });

  test('carries cancellation with its reason, also when it came before the call', async () => {
    const a = pair({
      wait: (_value, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve((signal.reason as TroupeError).code))),
    });
    const giveUp = new AbortController();
    const called = a.call('wait', undefined, giveUp.signal);
    giveUp.abort(new TroupeError('TIMEOUT', 'too late'));
    expect(await called).toBe('TIMEOUT');
    expect(await a.call('wait', undefined, giveUp.signal)).toBe('TIMEOUT');
  });

  test('sends only so many ahead, and the rest in order as they are taken', async () => {
    const { posted, channel } = end();
    const all = Array.from({ length: FRAMES_MAX + 5 }, (_, i) => channel.note('n', i));
    expect(posted).toHaveLength(FRAMES_MAX);
    channel.take(['taken', 2]);
    channel.take(['taken', 3]);
    await Promise.all(all);
    expect(posted.map((frame) => (frame[0] === 'note' ? frame[2] : undefined))).toEqual(all.map((_, i) => body(i)));
  });

  test('says once per turn how much it has taken', async () => {
    const { clock, posted, channel } = end({ n: () => undefined });
    for (let i = 0; i < 3; i++) channel.take(['note', 'n', body(i)]);
    await clock.advance(1);
    channel.take(['note', 'n', body(3)]);
    await clock.advance(1);
    expect(posted).toEqual([
      ['taken', 3],
      ['taken', 1],
    ]);
  });

  test('breaks when the other end floods it, and not when the same comes over several turns', async () => {
    const { clock, broken, channel } = end({ n: () => undefined });
    const flood = (frames: number): void => {
      for (let i = 0; i < frames; i++) channel.take(['note', 'n', body(undefined)]);
    };
    flood(FRAMES_PER_TURN_MAX);
    await clock.advance(1);
    flood(FRAMES_PER_TURN_MAX);
    expect(broken).toEqual([]);
    flood(1);
    expect(broken).toMatchObject([{ code: 'PROTOCOL_VIOLATION' }]);
  });

  test.each([
    ['something that is no frame', ['what?']],
    ['a name that nobody serves', ['call', 1, 'toString', new Uint8Array(0)]],
    ['a body that can’t be read', ['note', 'n', new Uint8Array([0x92, 0x01])]],
  ])('breaks on %s', (_what, frame) => {
    const { broken, channel } = end({ n: () => undefined });
    channel.take(frame as unknown as Frame);
    expect(broken).toMatchObject([{ code: 'PROTOCOL_VIOLATION' }]);
  });

  test('refuses calls beyond its limit, and fails what is open when it closes', async () => {
    const { channel } = end({});
    const open = Array.from({ length: CALLS_MAX }, () => channel.call('n', undefined));
    await expect(channel.call('n', undefined)).rejects.toMatchObject({ code: 'OVERLOADED' });
    channel.close(new TroupeError('THREAD_EXITED', 'gone'));
    const codes = new Set((await Promise.allSettled(open)).map((one) => one.status === 'rejected' && one.reason.code));
    expect(codes).toEqual(new Set(['THREAD_EXITED']));
    await expect(channel.note('n', undefined)).rejects.toMatchObject({ code: 'THREAD_EXITED' });
  });

  test('cancels what it serves when it closes, and answers nothing any more', async () => {
    const signals: AbortSignal[] = [];
    const { posted, channel } = end({ wait: (_value, signal) => signals.push(signal) });
    channel.take(['call', 1, 'wait', body(undefined)]);
    await Promise.resolve();
    channel.close(new TroupeError('CANCELLED', 'over'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(signals[0]?.aborted).toBe(true);
    expect(posted).toEqual([]);
  });
});
