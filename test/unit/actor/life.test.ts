import { describe, expect, test } from 'vitest';
import type { ActorContext, EndReason, Ref, Terminated } from '../../../src/actor/index.ts';
import { gate, type Script, scripted, virtualSystem } from './setup.ts';

describe('start and stop', () => {
  test('an owner makes the behaviour of each incarnation, and hears of the end once', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const ref = system.spawnFor<Script>({
      behavior: () => {
        log.push('made');
        return scripted();
      },
      onEnd: ({ reason }) => log.push(reason),
    });
    system.watch(ref, ({ reason }) => log.push(`watcher ${reason}`));
    ref.tell(() => Promise.reject(new Error('crash')));
    await clock.advance(1_000);
    expect(log).toEqual(['made', 'made']);
    await system.stop(ref);
    await clock.settle();
    expect(log).toEqual(['made', 'made', 'watcher shutdown', 'shutdown']);
  });

  test('mail sent before the start hook has settled waits for it', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const log: string[] = [];
    const ref = system.spawn<string>(() => ({
      async start() {
        await door.opened;
        log.push('started');
      },
      receive: (message) => void log.push(message),
    }));
    ref.tell('mail');
    await clock.settle();
    expect(log).toEqual([]);
    door.open();
    await clock.settle();
    expect(log).toEqual(['started', 'mail']);
  });

  test('stop lets nothing more be handled, fires the signal, and runs the hook once the handler has settled', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const log: string[] = [];
    const ref = system.spawn<string>(() => ({
      async receive(message, ctx) {
        ctx.signal.addEventListener('abort', () => log.push('signal'));
        log.push(message);
        await door.opened;
        log.push('settled');
      },
      stop: (_ctx, reason) => void log.push(`hook ${reason}`),
    }));
    ref.tell('first');
    ref.tell('second');
    await clock.settle();
    const stopped = system.stop(ref).then(() => log.push('stopped'));
    await clock.settle();
    expect(log).toEqual(['first', 'signal']);
    door.open();
    await stopped;
    expect(log).toEqual(['first', 'signal', 'settled', 'hook shutdown', 'stopped']);
    expect(system.deadLetters.recent()).toMatchObject([{ message: 'second', reason: 'terminated' }]);
    expect(clock.pending).toBe(0);
  });

  test('a stop does not wait behind the messages that are already there', async () => {
    const { system, clock } = virtualSystem();
    let handled = 0;
    const ref = system.spawn<number>(() => ({
      receive(_message, ctx) {
        handled++;
        void system.stop(ctx.self);
      },
    }));
    for (let i = 0; i < 10; i++) ref.tell(i);
    await clock.settle();
    expect(handled).toBe(1);
    expect(system.deadLetters.count).toBe(9);
  });

  test('children stop before their parent, in reverse order of start, each after the one before', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const doors = new Map(['a', 'b', 'c'].map((name) => [name, gate()]));
    const stopsSlowly = (name: string) => () =>
      scripted({
        async stop() {
          log.push(`${name} stops`);
          await doors.get(name)!.opened;
          log.push(`${name} stopped`);
        },
      });
    const parent = system.spawn(() =>
      scripted({
        start(ctx) {
          for (const name of doors.keys()) ctx.spawn(stopsSlowly(name), { name });
        },
        stop: () => void log.push('parent stops'),
      }),
    );
    await clock.settle();
    const stopped = system.stop(parent);
    for (const name of ['c', 'b', 'a']) {
      await clock.settle();
      expect(log.at(-1)).toBe(`${name} stops`);
      doors.get(name)!.open();
    }
    await stopped;
    expect(log).toEqual(['c stops', 'c stopped', 'b stops', 'b stopped', 'a stops', 'a stopped', 'parent stops']);
  });

  test('children that stop together are asked in reverse order without waiting', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const door = gate();
    const parent = system.spawn(
      () =>
        scripted({
          start(ctx) {
            for (const name of ['a', 'b', 'c']) {
              ctx.spawn(() =>
                scripted({
                  stop() {
                    log.push(name);
                    return door.opened;
                  },
                }),
              );
            }
          },
          stop: () => void log.push('parent'),
        }),
      { supervision: { stopOrder: 'together' } },
    );
    await clock.settle();
    const stopped = system.stop(parent);
    await clock.settle();
    expect(log).toEqual(['c', 'b', 'a']);
    door.open();
    await stopped;
    expect(log).toEqual(['c', 'b', 'a', 'parent']);
  });

  test('a child that never stops is abandoned after its limit: killed, its message a dead letter, its late result ignored', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const ends: Terminated[] = [];
    const log: string[] = [];
    let child: Ref<Script> | undefined;
    const parent = system.spawn(() =>
      scripted({
        start(ctx) {
          child = ctx.spawn(() => scripted({ stop: () => void log.push('hook of the child') }), { shutdownMs: 70 });
        },
        stop: () => void log.push('hook of the parent'),
      }),
    );
    await clock.settle();
    system.watch(child!, (terminated) => ends.push(terminated));
    const hangs: Script = async (ctx) => {
      await door.opened;
      log.push('late');
      ctx.become(scripted());
    };
    child!.tell(hangs);
    await clock.settle();
    const stopped = system.stop(parent);
    await clock.advance(69);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await stopped;
    expect(ends).toMatchObject([{ reason: 'killed' }]);
    expect(system.deadLetters.recent()).toMatchObject([{ message: hangs, reason: 'abandoned' }]);
    door.open();
    await clock.settle();
    expect(log).toEqual(['hook of the parent', 'late']);
    expect(ends).toHaveLength(1);
  });

  test('a stop hook that hangs is abandoned after the limit, one that throws or rejects changes nothing', async () => {
    const { system, clock } = virtualSystem();
    const ends: EndReason[] = [];
    const hooks: (() => void | Promise<void>)[] = [
      () => new Promise<void>(() => {}),
      () => Promise.reject(new TypeError('hook')),
      () => {
        throw new TypeError('hook');
      },
    ];
    const refs = hooks.map((stop) => system.spawn(() => scripted({ stop }), { shutdownMs: 10 }));
    await clock.settle();
    for (const ref of refs) {
      system.watch(ref, ({ reason }) => ends.push(reason));
      void system.stop(ref);
    }
    await clock.advance(10);
    expect(ends.sort()).toEqual(['killed', 'shutdown', 'shutdown']);
  });

  test('ten thousand children stop without a deep stack, and their names are free at once', async () => {
    const { system, clock } = virtualSystem();
    let ctx: ActorContext<Script> | undefined;
    const parent = system.spawn(() =>
      scripted({
        start(context) {
          ctx = context;
          for (let i = 0; i < 10_000; i++) context.spawn(scripted, { name: `child-${i}` });
        },
      }),
    );
    await clock.settle();
    expect(() => ctx!.spawn(scripted, { name: 'child-7' })).toThrow(
      expect.objectContaining({ code: 'ALREADY_EXISTS' }),
    );
    await ctx!.stop(ctx!.children[7]!);
    ctx!.spawn(scripted, { name: 'child-7' });
    expect(system.inspect(parent).children).toBe(10_000);
    await system.stop(parent);
    expect(system.inspect(parent)).toMatchObject({ status: 'dead', children: 0 });
  });

  test('stopSelf ends after the current message; kill ends at once without a hook', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const make = () =>
      system.spawn(() => scripted({ stop: (_ctx, reason) => void log.push(reason) }), { restart: 'temporary' });
    const [polite, killed] = [make(), make()];
    for (const ref of [polite, killed]) system.watch(ref, ({ reason }) => log.push(`heard ${reason}`));
    polite.tell((ctx) => {
      ctx.stopSelf();
      log.push('rest of the message');
    });
    await clock.settle();
    expect(log.splice(0)).toEqual(['rest of the message', 'normal', 'heard normal']);
    killed.tell(() => new Promise<void>(() => {}));
    await clock.settle();
    system.kill(killed);
    await clock.settle();
    expect(log).toEqual(['heard killed']);
  });

  test('a ref never reaches a newcomer of the same name', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const make = (who: string) =>
      system.spawn<string>(() => ({ receive: (message) => void seen.push(`${who} ${message}`) }), { name: 'same' });
    const old = make('old');
    expect(() => make('twin')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    await system.stop(old);
    const young = make('young');
    expect(old.tell('a')).toBe(false);
    expect(young.tell('b')).toBe(true);
    await clock.settle();
    expect(seen).toEqual(['young b']);
    expect(old.path).not.toBe(young.path);
  });
});

test('a start hook that ends well after the stop was asked for gets its stop hook', async () => {
  const { system, clock } = virtualSystem();
  const door = gate();
  const log: string[] = [];
  const ref = system.spawn(() =>
    scripted({
      async start() {
        await door.opened;
        log.push('acquired');
      },
      stop: () => void log.push('released'),
    }),
  );
  await clock.settle();
  const stopped = system.stop(ref);
  await clock.settle();
  door.open();
  await stopped;
  expect(log).toEqual(['acquired', 'released']);
});

describe('shutdown', () => {
  test('stops everything, refuses newcomers, and is the same promise twice', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const ref = system.spawn(() => scripted({ stop: (_ctx, reason) => void log.push(reason) }));
    await clock.settle();
    const first = system.shutdown();
    expect(system.shutdown()).toBe(first);
    expect(() => system.spawn(scripted)).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }));
    await first;
    expect(log).toEqual(['shutdown']);
    expect(ref.tell(() => {})).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('kills what is not done in time, deep in the tree too', async () => {
    const { system, clock } = virtualSystem();
    const ends: string[] = [];
    const hang: Script = () => new Promise<void>(() => {});
    const parent = system.spawn(
      () =>
        scripted({
          start(ctx) {
            const child = ctx.spawn(scripted, { shutdownMs: 1e6 });
            system.watch(child, ({ reason }) => ends.push(`child ${reason}`));
            child.tell(hang);
          },
        }),
      { shutdownMs: 1e6 },
    );
    system.watch(parent, ({ reason }) => ends.push(`parent ${reason}`));
    await clock.settle();
    const down = system.shutdown(500);
    await clock.advance(499);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await down;
    expect(ends).toEqual(['child killed', 'parent killed']);
    expect(clock.pending).toBe(0);
  });

  test('an actor that stops itself while the system shuts down, or is stopped twice, ends once', async () => {
    const { system, clock } = virtualSystem();
    const ends: string[] = [];
    const ref = system.spawn(() => scripted({ stop: () => void ends.push('hook') }));
    system.watch(ref, ({ reason }) => ends.push(reason));
    ref.tell((ctx) => {
      void system.stop(ctx.self);
      ctx.stopSelf();
      void system.shutdown();
    });
    await clock.settle();
    expect(ends).toEqual(['hook', 'shutdown']);
  });
});

describe('death watch', () => {
  test('each watcher hears exactly once, with the reason, also when it watches the dead', async () => {
    const { system, clock } = virtualSystem();
    const heard: string[] = [];
    const ref = system.spawn(scripted, { restart: 'temporary' });
    const quiet = system.watch(ref, () => heard.push('taken back'));
    quiet();
    system.watch(ref, ({ reason, error }) => heard.push(`${reason} ${(error as Error).message}`));
    system.watch(ref, () => {
      throw new TypeError('listener');
    });
    ref.tell(() => {
      throw new RangeError('broken');
    });
    await clock.settle();
    await system.stop(ref);
    expect(heard).toEqual(['crashed broken']);
    system.watch(ref, ({ reason }) => heard.push(`late ${reason}`));
    await clock.settle();
    expect(heard).toEqual(['crashed broken', 'late crashed']);
  });

  test('an actor hears behind what the dead one had sent, even when its mailbox is full', async () => {
    const { system, clock } = virtualSystem();
    const heard: string[] = [];
    const watcher = system.spawn<string>(
      () => ({
        start(ctx) {
          const me = ctx.self;
          const worker = ctx.spawn(() =>
            scripted({
              start(own) {
                me.tell('result');
                own.stopSelf();
              },
            }),
          );
          ctx.watch(worker, ({ reason }) => reason);
          ctx.watch(worker, ({ reason }) => `ended ${reason}`);
        },
        receive: (message) => void heard.push(message),
      }),
      { mailbox: { capacity: 1 } },
    );
    await clock.settle();
    expect(heard).toEqual(['result', 'ended normal']);
    expect(system.inspect(watcher).depth).toBe(0);
  });

  test('unwatch, and the end of the incarnation that watched, silence it', async () => {
    const { system, clock } = virtualSystem();
    const heard: string[] = [];
    const [one, two] = [system.spawn(scripted), system.spawn(scripted)];
    let life = 0;
    const watcher = system.spawn<string>(() => ({
      start(ctx) {
        if (++life > 1) return;
        ctx.watch(one, () => 'one');
        ctx.unwatch(one);
        ctx.watch(two, () => 'two');
      },
      receive(message) {
        if (message === 'crash') throw new TypeError('crash');
        heard.push(message);
      },
    }));
    watcher.tell('crash');
    await clock.advance(200);
    await Promise.all([system.stop(one), system.stop(two)]);
    await clock.settle();
    expect(life).toBe(2);
    expect(heard).toEqual([]);
  });
});
