import { describe, expect, test } from 'vitest';
import { SyncPace } from '../../../../src/raft/log/sync-pace.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** A disk whose syncs in line take as long as it is told; where each was made. */
function disk(
  clock: ManualClock,
  tookMs: () => number,
): { made: string[]; sync: (bytes?: number, mayBlock?: boolean) => Promise<void> } {
  const made: string[] = [];
  let now = 0;
  const pace = new SyncPace({
    now: () => now,
    monotonic: () => now,
    schedule: (ms, fn) => clock.schedule(ms, fn),
    repeat: (ms, fn) => clock.repeat(ms, fn),
    yieldThen: (fn) => clock.yieldThen(fn),
  });
  const inLine = (): void => {
    made.push('in line');
    now += tookMs();
  };
  const away = async (): Promise<void> => {
    made.push('away');
    now += tookMs();
  };
  return { made, sync: (bytes = 300, mayBlock = true) => pace.sync(bytes, mayBlock, inLine, away) };
}

describe('where syncs are made', () => {
  test('in line while they are quick', async () => {
    const { made, sync } = disk(new ManualClock(), () => 0.2);
    await sync();
    await sync();
    expect(made).toEqual(['in line', 'in line']);
  });

  test('a slow one sends the next ones to the pool, and in the end one is tried in line again', async () => {
    let slow = true;
    const { made, sync } = disk(new ManualClock(), () => (slow ? 20 : 0.2));
    await sync();
    for (let i = 0; i < 64; i++) await sync();
    expect(made.slice(1)).toEqual(Array.from({ length: 64 }, () => 'away'));
    slow = false;
    await sync();
    await sync();
    expect(made.slice(-2)).toEqual(['in line', 'in line']);
  });

  test('where the thread is waited for it goes to the pool', async () => {
    const { made, sync } = disk(new ManualClock(), () => 0.2);
    await sync(300, false);
    await sync();
    expect(made).toEqual(['away', 'in line']);
  });

  test('a disk that stays slow is not tried in line again before it has been quick for a while', async () => {
    let tookMs = 500;
    const { made, sync } = disk(new ManualClock(), () => tookMs);
    for (let i = 0; i < 1_000; i++) await sync();
    expect(made.filter((where) => where === 'in line')).toHaveLength(1);
    tookMs = 0.2;
    for (let i = 0; i < 64; i++) await sync();
    expect(made.at(-1)).toBe('away');
    await sync();
    expect(made.at(-1)).toBe('in line');
  });

  test('much at once goes to the pool, whatever the pace', async () => {
    const { made, sync } = disk(new ManualClock(), () => 0.2);
    await sync(16 * 2 ** 20);
    await sync();
    expect(made).toEqual(['away', 'in line']);
  });

  test('what fails in line rejects', async () => {
    const { sync } = disk(new ManualClock(), () => {
      throw new RangeError('EIO');
    });
    await expect(sync()).rejects.toThrow('EIO');
  });
});
