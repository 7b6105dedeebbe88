import { describe, expect, test } from 'vitest';
import { Dispatcher, type Runnable } from '../../../src/actor/dispatcher.ts';
import { ActorSystem } from '../../../src/actor/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

const never = (error: unknown): never => {
  throw error;
};

describe('dispatcher', () => {
  test('begins work in a microtask, without a turn of the event loop', async () => {
    const dispatcher = new Dispatcher(new ManualClock(), 3, 1_000, never);
    let ran = false;
    dispatcher.signal(() => {
      ran = true;
    });
    expect(ran).toBe(false);
    await Promise.resolve();
    expect(ran).toBe(true);
  });

  test('yields after sliceMs, also when handlers are slow', async () => {
    const clock = new ManualClock();
    let now = 0;
    const yields: number[] = [];
    const slow = Object.assign(Object.create(clock) as ManualClock, {
      monotonic: () => now,
      yieldThen: (fn: () => void) => {
        yields.push(now);
        if (yields.length < 5) queueMicrotask(fn);
      },
    });
    const dispatcher = new Dispatcher(slow, 3, 1_000_000, never);
    const endless: Runnable = {
      step(max) {
        now += max;
        dispatcher.ready(endless);
        return max;
      },
    };
    dispatcher.ready(endless);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(yields).toHaveLength(5);
    for (const [i, at] of yields.entries()) expect(at - (yields[i - 1] ?? 0)).toBeLessThanOrEqual(8);
  });

  test('yields after sliceMessages, whatever the clock says', async () => {
    let yielded = 0;
    let handled = 0;
    const clock = new ManualClock();
    const counting = Object.assign(Object.create(clock) as ManualClock, {
      monotonic: () => 0,
      yieldThen: () => {
        yielded++;
      },
    });
    const dispatcher = new Dispatcher(counting, 3, 100, never);
    const endless: Runnable = {
      step(max) {
        handled += max;
        dispatcher.ready(endless);
        return max;
      },
    };
    dispatcher.ready(endless);
    await Promise.resolve();
    expect(yielded).toBe(1);
    expect(handled).toBeLessThan(200);
  });

  test('signals run before any further message', async () => {
    const dispatcher = new Dispatcher(new ManualClock(), 3, 1_000, never);
    const log: string[] = [];
    const worker = (name: string): Runnable => ({
      step() {
        log.push(name);
        if (name === 'a') dispatcher.signal(() => log.push('signal'));
        return 1;
      },
    });
    for (const name of ['a', 'b', 'c']) dispatcher.ready(worker(name));
    await Promise.resolve();
    expect(log).toEqual(['a', 'signal', 'b', 'c']);
  });
});

describe('fairness with the real clock', () => {
  test('neither a flood of messages nor one of promises starves timers and I/O', async () => {
    const system = new ActorSystem();
    const sync = system.spawn<number>(() => ({ receive: (message, ctx) => void ctx.self.tell(message) }));
    const async = system.spawn<number>(() => ({
      async receive(message, ctx) {
        await null;
        ctx.self.tell(message);
      },
    }));
    for (let i = 0; i < 50; i++) {
      sync.tell(i);
      async.tell(i);
    }
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const timer = systemClock.repeat(1, () => {
        if (++ticks === 20) {
          timer.cancel();
          resolve();
        }
      });
    });
    await system.shutdown(100);
    expect(ticks).toBe(20);
  });

  test('a flood to one actor lets others have their turn within a slice', async () => {
    const system = new ActorSystem();
    let flooded = 0;
    const flood = system.spawn<number>(() => ({
      receive(message, ctx) {
        flooded++;
        ctx.self.tell(message);
      },
    }));
    for (let i = 0; i < 1_000; i++) flood.tell(i);
    const other = system.spawn<{ reply: { tell(at: number): boolean } }>(() => ({
      receive: ({ reply }) => void reply.tell(flooded),
    }));
    const at = await other.ask<number>((reply) => ({ reply }));
    expect(at).toBeLessThan(200);
    await system.shutdown(100);
  });
});
