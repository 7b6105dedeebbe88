import { describe, expect, test } from 'vitest';
import type { Span, Tracer } from '../../../src/core/index.ts';
import { gate, scripted, virtualSystem } from './setup.ts';

/** An actor that notes what it receives and does what `act` says to a message. */
function noting(act: Record<string, (ctx: import('../../../src/actor/index.ts').ActorContext<string>) => unknown>) {
  const world = virtualSystem({ limits: { stashMessages: 2, timersPerActor: 2, pipesPerActor: 1 } });
  const seen: string[] = [];
  const ref = world.system.spawn<string>(() => ({
    receive(message, ctx) {
      seen.push(message);
      act[message]?.(ctx);
    },
  }));
  const errors = () => world.system.deadLetters.recent().map((letter) => (letter.error as { code: string }).code);
  return { ...world, ref, seen, errors };
}

describe('become and stash', () => {
  test('become takes effect with the next message', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const ref = system.spawn<string>(() => ({
      receive(message, ctx) {
        seen.push(`first ${message}`);
        ctx.become({ receive: (next) => void seen.push(`second ${next}`) });
      },
    }));
    ref.tell('a');
    ref.tell('b');
    await clock.settle();
    expect(seen).toEqual(['first a', 'second b']);
  });

  test('stashed messages come back before the waiting ones, in order', async () => {
    let open = false;
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const ref = system.spawn<string>(() => ({
      receive(message, ctx) {
        if (message === 'open') {
          open = true;
          ctx.unstashAll();
        } else if (open) seen.push(message);
        else ctx.stash(message);
      },
    }));
    for (const message of ['a', 'b', 'open', 'c']) ref.tell(message);
    await clock.settle();
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  test('the stash is bounded', async () => {
    const stash = (ctx: { stash(message: string): void }) => ctx.stash('x');
    const world = noting({ a: stash, b: stash, c: stash });
    for (const message of ['a', 'b', 'c']) world.ref.tell(message);
    await world.clock.settle();
    expect(world.errors()).toEqual(['OVERLOADED']);
  });
});

test('an actor may bound its own stash, by count and by bytes', async () => {
  const { system, clock } = virtualSystem();
  const kept = async (stash: { messages?: number; bytes?: number }): Promise<number> => {
    let stashed = 0;
    const ref = system.spawn<string>(
      () => ({
        receive(message, ctx) {
          ctx.stash(message);
          stashed++;
        },
      }),
      { mailbox: { stash, sizeOf: (message) => message.length }, restart: 'temporary' },
    );
    for (let i = 0; i < 10; i++) ref.tell('12345');
    await clock.settle();
    return stashed;
  };
  expect(await kept({ messages: 3 })).toBe(3);
  expect(await kept({ bytes: 24 })).toBe(4);
  expect(await kept({})).toBe(10);
});

describe('timers', () => {
  test('fire once or again and again, and can be cancelled, replaced and counted', async () => {
    const world = noting({
      go(ctx) {
        ctx.schedule(10, 'replaced', 'key');
        ctx.schedule(20, 'once', 'key');
        const timer = ctx.repeat(30, 'tick');
        ctx.schedule(5, 'stop it');
        void timer;
      },
    });
    world.ref.tell('go');
    await world.clock.settle();
    expect(world.errors()).toEqual(['OVERLOADED']);
    expect(world.seen).toEqual(['go']);
  });

  test('a replaced or cancelled timer is silent even if its message already waits', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const door = gate();
    const ref = system.spawn<string>(() => ({
      async receive(message, ctx) {
        seen.push(message);
        if (message !== 'go') return;
        ctx.schedule(10, 'cancelled', 'a');
        ctx.schedule(10, 'replaced', 'b');
        ctx.schedule(10, 'kept', 'c');
        const ticks = ctx.repeat(10, 'tick');
        await door.opened;
        ctx.cancelTimer('a');
        ctx.schedule(5, 'replacement', 'b');
        ticks.cancel();
      },
    }));
    ref.tell('go');
    await clock.advance(100);
    door.open();
    await clock.advance(100);
    expect(seen).toEqual(['go', 'kept', 'replacement']);
    expect(clock.pending).toBe(0);
  });

  test('a timer that has fired makes room for another', async () => {
    const { system, clock } = virtualSystem({ limits: { timersPerActor: 1 } });
    const seen: number[] = [];
    const ref = system.spawn<number>(() => ({
      receive(message, ctx) {
        seen.push(message);
        if (message < 3) ctx.schedule(10, message + 1);
      },
    }));
    ref.tell(0);
    await clock.advance(100);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  test('a timer that replaced one whose message waited can still be cancelled', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const door = gate();
    const ref = system.spawn<string>(() => ({
      async receive(message, ctx) {
        seen.push(message);
        if (message === 'cancel') ctx.cancelTimer('key');
        if (message !== 'go') return;
        ctx.schedule(10, 'replaced', 'key');
        await door.opened;
        ctx.schedule(50, 'cancelled', 'key');
      },
    }));
    ref.tell('go');
    await clock.advance(20);
    ref.tell('cancel');
    door.open();
    await clock.advance(100);
    expect(seen).toEqual(['go', 'cancel']);
  });

  test('a busy actor gets one tick, not all it missed', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const door = gate();
    const ref = system.spawn<string>(() => ({
      start: (ctx) => void ctx.repeat(10, 'tick'),
      async receive(message) {
        seen.push(message);
        if (message === 'busy') await door.opened;
      },
    }));
    ref.tell('busy');
    await clock.advance(95);
    expect(system.inspect(ref).depth).toBe(1);
    door.open();
    await clock.advance(10);
    expect(seen).toEqual(['busy', 'tick', 'tick']);
  });
});

describe('pipeToSelf', () => {
  test('tells what became of a promise, and is bounded', async () => {
    const door = gate();
    const world = noting({
      good: (ctx) => ctx.pipeToSelf(Promise.resolve(7), (it) => (it.ok ? `value ${it.value}` : 'error')),
      bad: (ctx) => ctx.pipeToSelf(Promise.reject(new TypeError('no')), (it) => (it.ok ? 'value' : `${it.error}`)),
      two(ctx) {
        ctx.pipeToSelf(door.opened, () => 'x');
        ctx.pipeToSelf(door.opened, () => 'y');
      },
    });
    world.ref.tell('good');
    await world.clock.settle();
    world.ref.tell('bad');
    await world.clock.settle();
    world.ref.tell('two');
    await world.clock.settle();
    expect(world.seen).toEqual(['good', 'value 7', 'bad', 'TypeError: no', 'two']);
    expect(world.errors()).toEqual(['OVERLOADED']);
  });
});

describe('children and paths', () => {
  test('a path names the place and the life; only its own child can be stopped', async () => {
    const { system, clock } = virtualSystem();
    const stranger = system.spawn(scripted);
    const errors: unknown[] = [];
    let path = '';
    const parent = system.spawn(
      () =>
        scripted({
          start(ctx) {
            path = ctx.spawn(scripted, { name: 'child' }).path;
            try {
              void ctx.stop(stranger);
            } catch (error) {
              errors.push(error);
            }
          },
        }),
      { name: 'parent' },
    );
    await clock.settle();
    expect(parent.path).toMatch(/^\/parent#\d+$/);
    expect(path).toMatch(/^\/parent\/child#\d+$/);
    expect(errors).toMatchObject([{ code: 'INVALID_ARGUMENT' }]);
  });

  test('the number of children is bounded', async () => {
    const { system } = virtualSystem({ limits: { childrenPerActor: 1 } });
    system.spawn(scripted);
    expect(() => system.spawn(scripted)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  });

  test('options that can never work are refused by name', () => {
    const { system } = virtualSystem();
    for (const [options, name] of [
      [{ mailbox: { capacity: 0 } }, 'mailbox.capacity'],
      [{ mailbox: { bytes: -1 } }, 'mailbox.bytes'],
      [{ shutdownMs: Number.NaN }, 'shutdownMs'],
      [{ supervision: { intensity: -1 } }, 'supervision.intensity'],
    ] as const) {
      const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) });
      expect(() => system.spawn(scripted, options)).toThrow(refusal);
    }
  });
});

describe('tracing', () => {
  test('a sampled message gets a span with its outcome, an unsampled one does not touch the tracer', async () => {
    const spans: { name: string; parent: string | undefined; error: unknown }[] = [];
    const tracer: Tracer = {
      enabled: true,
      start(name, options) {
        const record = { name, parent: options?.parent, error: undefined as unknown };
        const span: Span = {
          traceparent: `${options?.parent}-child`,
          set() {},
          event() {},
          end(error) {
            spans.push({ ...record, error });
          },
        };
        return span;
      },
    };
    const { system, clock } = virtualSystem({ tracer });
    const seen: (string | undefined)[] = [];
    const ref = system.spawn<{ trace?: string; fails?: boolean }>(
      () => ({
        async receive(message, ctx) {
          seen.push(ctx.traceparent);
          if (message.fails) throw new TypeError('no');
        },
      }),
      { envelope: { traceparent: (message) => message.trace } },
    );
    ref.tell({ trace: 't1' });
    ref.tell({});
    ref.tell({ trace: 't2', fails: true });
    await clock.settle();
    expect(seen).toEqual(['t1-child', undefined, 't2-child']);
    expect(spans).toMatchObject([
      { name: 'process', parent: 't1', error: undefined },
      { name: 'process', parent: 't2', error: { message: 'no' } },
    ]);
  });
});
