import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ActorContext, ActorSystem, type Ref } from '../../../src/actor/index.ts';
import { type Clock, systemClock, type Timer, type TroupeError } from '../../../src/core/index.ts';
import { gate, virtualSystem } from './setup.ts';

/** How late a timer's message may be handled, ms. */
const LATE_MS_MAX = 10;

/**
 * An event loop in virtual time: work takes the time that it says (`spend`), and timers fire only between two turns, as
 * they do in Node. So a flood shows what it costs, whatever this machine is doing.
 */
class LoopClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  #yielded: (() => void)[] = [];

  spend(ms: number): void {
    this.#now += ms;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, fn: () => void): Timer {
    const timer = { at: this.#now + delayMs, fn };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  repeat(periodMs: number, fn: () => void): Timer {
    let timer: Timer;
    const again = (): void => {
      timer = this.schedule(periodMs, again);
      fn();
    };
    timer = this.schedule(periodMs, again);
    return { cancel: () => timer.cancel() };
  }

  yieldThen(fn: () => void): void {
    this.#yielded.push(fn);
  }

  /** Runs turns of the loop until `untilMs`; an idle turn takes a tenth of a millisecond. */
  async run(untilMs: number): Promise<void> {
    while (this.#now < untilMs) {
      const began = this.#now;
      for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
        if (timer.at > this.#now || !this.#timers.delete(timer)) continue;
        timer.fn();
        await drain();
      }
      for (const fn of this.#yielded.splice(0)) fn();
      await drain();
      if (this.#now === began) this.#now += 0.1;
    }
  }
}

async function drain(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

type Mail = { readonly kind: 'work' } | { readonly kind: 'due'; readonly at: number };

/** An actor that sets a timer every 7 ms, and a periodic one of 5 ms, and notes how late each is. */
function timed(system: ActorSystem, clock: LoopClock, workMs: number): { ref: Ref<Mail>; late: number[] } {
  const late: number[] = [];
  let tickAt = 5;
  const again = (ctx: ActorContext<Mail>): void => {
    ctx.schedule(7, { kind: 'due', at: clock.monotonic() + 7 });
  };
  const ref = system.spawn<Mail>(() => ({
    start(ctx) {
      again(ctx);
      ctx.repeat(5, { kind: 'due', at: -1 });
    },
    receive(message, ctx) {
      if (message.kind === 'work') {
        clock.spend(workMs);
      } else if (message.at >= 0) {
        late.push(clock.monotonic() - message.at);
        again(ctx);
      } else {
        late.push(clock.monotonic() - tickAt);
        // The clock sets the next period when the tick fires, which was at most a turn ago.
        tickAt = clock.monotonic() + 5;
      }
    },
  }));
  return { ref, late };
}

describe('under a flood timers are on time', () => {
  for (const workMs of [0.001, 0.05, 1]) {
    test(`of 10,000 messages of ${workMs} ms each to the actor itself`, async () => {
      const clock = new LoopClock();
      const system = new ActorSystem({ clock });
      const { ref, late } = timed(system, clock, workMs);
      await drain();
      const flood = clock.repeat(1, () => {
        while (system.inspect(ref).depth < 10_000) ref.tell({ kind: 'work' });
      });
      await clock.run(200);
      flood.cancel();
      expect(late.length).toBeGreaterThan(25);
      expect(Math.max(...late)).toBeLessThanOrEqual(LATE_MS_MAX);
      expect(system.inspect(ref).depth).toBeGreaterThan(1_000);
    });

    test(`of messages of ${workMs} ms each to 2,000 others`, async () => {
      const clock = new LoopClock();
      const system = new ActorSystem({ clock });
      const { late } = timed(system, clock, 0);
      for (let i = 0; i < 2_000; i++) {
        const ref = system.spawn<number>(() => ({
          receive(message, ctx) {
            clock.spend(workMs);
            ctx.self.tell(message);
          },
        }));
        for (let k = 0; k < 5; k++) ref.tell(k);
      }
      // Dispatch learns how slow handlers are from the first messages.
      await clock.run(50);
      late.splice(0);
      await clock.run(250);
      expect(late.length).toBeGreaterThan(25);
      expect(Math.max(...late)).toBeLessThanOrEqual(LATE_MS_MAX);
    });
  }
});

describe('a timer that falls due', () => {
  test('is handled before the messages that wait, and several in their order', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>(() => ({
      receive(message, ctx) {
        seen.push(message);
        if (message !== 'go') return;
        for (const [i, name] of ['x', 'y', 'z'].entries()) ctx.schedule(10 + i, name);
        return door.opened;
      },
    }));
    for (const message of ['go', 'a', 'b']) ref.tell(message);
    await clock.advance(50);
    expect(seen).toEqual(['go']);
    expect(system.inspect(ref).depth).toBe(5);
    door.open();
    await clock.settle();
    expect(seen).toEqual(['go', 'x', 'y', 'z', 'a', 'b']);
  });

  test('waits for an async handler, its own kind included: one message at a time', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const doors = [gate(), gate()];
    const ref = system.spawn<number>(() => ({
      start(ctx) {
        ctx.schedule(10, 0);
        ctx.schedule(10, 1);
      },
      async receive(i) {
        log.push(`begin ${i}`);
        await doors[i]?.opened;
        log.push(`end ${i}`);
      },
    }));
    await clock.advance(10);
    ref.tell(2);
    await clock.advance(100);
    expect(log).toEqual(['begin 0']);
    doors[0]!.open();
    await clock.settle();
    doors[1]!.open();
    await clock.settle();
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  test('during the start waits for it, and one that outlives a crash that is resumed is not lost', async () => {
    const { system, clock } = virtualSystem({ supervision: { decider: () => 'resume' } });
    const started = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>(() => ({
      start(ctx) {
        ctx.schedule(5, 'early');
        ctx.repeat(20, 'tick');
        return started.opened;
      },
      receive(message) {
        seen.push(message);
        if (message === 'crash') throw new RangeError('broken');
      },
    }));
    await clock.advance(10);
    expect(seen).toEqual([]);
    started.open();
    await clock.settle();
    ref.tell('crash');
    await clock.advance(40);
    expect(seen).toEqual(['early', 'crash', 'tick', 'tick']);
  });

  test('while its actor has failed and nobody has decided yet is handled when it is resumed', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const refs: Ref<string>[] = [];
    const decider = (error: unknown) => (error instanceof TypeError ? 'resume' : 'restart');
    system.spawn<never>(
      () => ({
        start(ctx) {
          for (const thrown of [new TypeError('a'), new RangeError('b')]) {
            const child = ctx.spawn<string>(
              () => ({
                receive(message, own) {
                  seen.push(message);
                  if (message === 'set') own.schedule(50, 'due');
                  if (message === 'crash') throw thrown;
                },
              }),
              { backoff: { minMs: 100, jitter: 0 } },
            );
            refs.push(child);
          }
        },
        receive() {},
      }),
      { supervision: { strategy: 'rest-for-one', decider } },
    );
    await clock.settle();
    refs[0]!.tell('set');
    refs[1]!.tell('crash');
    await clock.advance(10);
    refs[0]!.tell('crash');
    await clock.advance(80);
    expect(seen).toEqual(['set', 'crash', 'crash']);
    await clock.advance(10);
    expect(seen).toEqual(['set', 'crash', 'crash', 'due']);
  });

  test('dies with its incarnation, also when it already waits', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const ref = system.spawn<string>(
      () => ({
        async receive(message, ctx) {
          seen.push(message);
          if (message !== 'go') return;
          ctx.schedule(5, 'single');
          ctx.schedule(5, 'keyed', 'key');
          ctx.repeat(5, 'periodic');
          await new Promise((_, reject) => clock.schedule(10, () => reject(new RangeError('broken'))));
        },
      }),
      { backoff: { minMs: 1, jitter: 0 } },
    );
    ref.tell('go');
    ref.tell('kept');
    await clock.advance(1_000);
    expect(seen).toEqual(['go', 'kept']);
    expect(clock.pending).toBe(0);
  });
});

describe('a timer of a key that is set again', () => {
  test('belongs to who set it last: the earlier handle cancels nothing', async () => {
    const { system, clock } = virtualSystem();
    const heard: string[] = [];
    system.spawn<string>(() => ({
      start(ctx) {
        const first = ctx.schedule(10, 'first', 'key');
        ctx.schedule(20, 'second', 'key');
        first.cancel();
        const ticks = ctx.repeat(15, 'tick', 'ticks');
        ctx.schedule(30, 'instead of ticks', 'ticks');
        ticks.cancel();
      },
      receive: (message) => void heard.push(message),
    }));
    await clock.advance(100);
    expect(heard).toEqual(['second', 'instead of ticks']);
  });
});

test.each([[Number.NaN], [-1]])('a delay or period of %d ms is refused', async (ms) => {
  const { system, clock } = virtualSystem();
  const codes: unknown[] = [];
  system.spawn<string>(() => ({
    start(ctx) {
      for (const set of [() => ctx.schedule(ms, 'x'), () => ctx.repeat(ms, 'x'), () => ctx.repeat(0, 'x')]) {
        try {
          set();
        } catch (error) {
          codes.push((error as TroupeError).code);
        }
      }
    },
    receive() {},
  }));
  await clock.settle();
  expect(codes).toEqual(Array(3).fill('INVALID_ARGUMENT'));
});

describe("on this machine's clock, delays that are longer than a timer of Node can have", () => {
  const MONTH_MS = 31 * 86_400_000;

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('are kept to, once and again, and can be cancelled on every leg', () => {
    const heard: string[] = [];
    systemClock.schedule(MONTH_MS, () => heard.push('once'));
    const ticks = systemClock.repeat(MONTH_MS, () => heard.push('tick'));
    const late = systemClock.schedule(2 * MONTH_MS, () => heard.push('never'));
    vi.advanceTimersByTime(MONTH_MS - 1);
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(heard).toEqual(['once', 'tick']);
    late.cancel();
    vi.advanceTimersByTime(MONTH_MS);
    expect(heard).toEqual(['once', 'tick', 'tick']);
    ticks.cancel();
    vi.advanceTimersByTime(2 * MONTH_MS);
    expect(heard).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });
});
