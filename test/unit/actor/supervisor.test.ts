import { describe, expect, test } from 'vitest';
import type {
  ActorContext,
  Directive,
  RestartEvent,
  SpawnOptions,
  SupervisionOptions,
} from '../../../src/actor/index.ts';
import { gate, type Script, scripted, virtualSystem } from './setup.ts';

const crash: Script = () => {
  throw new RangeError('broken');
};

/** A supervisor with children a, b and c, and a log of every life of each. */
function family(supervision: SupervisionOptions, child: SpawnOptions<Script> = {}) {
  const events: RestartEvent[] = [];
  const world = virtualSystem({ onRestart: (event) => events.push(event) });
  const log: string[] = [];
  let ctx: ActorContext<Script> | undefined;
  const parent = world.system.spawn(
    () =>
      scripted({
        start(context) {
          ctx = context;
          log.push('parent begins');
          for (const name of ['a', 'b', 'c']) {
            const hooks = {
              start: () => void log.push(`${name} begins`),
              stop: (_: unknown, reason: string) => void log.push(`${name} ends: ${reason}`),
            };
            context.spawn(() => scripted(hooks), { name, backoff: { minMs: 100, jitter: 0 }, ...child });
          }
        },
      }),
    { supervision, backoff: { minMs: 100, jitter: 0 } },
  );
  const tell = (name: string, script: Script): void => {
    const found = [...(ctx?.children ?? [])].find((ref) => ref.path.includes(`/${name}#`));
    (found as { tell(message: Script): boolean } | undefined)?.tell(script);
  };
  const flush = (): string[] => log.splice(0);
  return { ...world, parent, tell, flush, events, context: () => ctx! };
}

describe('strategies', () => {
  test('one-for-one: only the failed child gets a new incarnation, after its backoff', async () => {
    const world = family({});
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(99);
    expect(world.flush()).toEqual(['b ends: restart']);
    await world.clock.advance(1);
    expect(world.flush()).toEqual(['b begins']);
    expect(world.events).toMatchObject([{ exit: 'crash', restarts: 1, delayMs: 100 }]);
  });

  test('one-for-all: all end in reverse order, then all begin in order', async () => {
    const world = family({ strategy: 'one-for-all' });
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(99);
    expect(world.flush()).toEqual(['c ends: restart', 'b ends: restart', 'a ends: restart']);
    await world.clock.advance(1);
    expect(world.flush()).toEqual(['a begins', 'b begins', 'c begins']);
  });

  test('rest-for-one: the failed child and those after it', async () => {
    const world = family({ strategy: 'rest-for-one' });
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(100);
    expect(world.flush()).toEqual(['c ends: restart', 'b ends: restart', 'b begins', 'c begins']);
  });

  test('a sibling that awaits when all restart never runs two handlers at once, and its late result changes nothing', async () => {
    const world = family({ strategy: 'one-for-all' }, { shutdownMs: 50 });
    await world.clock.settle();
    const door = gate();
    let running = 0;
    let most = 0;
    const work: Script = async () => {
      most = Math.max(most, ++running);
      await door.opened;
      running--;
    };
    world.tell('a', work);
    world.tell('a', work);
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(40);
    expect(world.flush()).toEqual(['c ends: restart', 'b ends: restart']);
    door.open();
    await world.clock.advance(100);
    expect(world.flush()).toEqual(['a ends: restart', 'a begins', 'b begins', 'c begins']);
    expect(most).toBe(1);
  });

  test('a crash outside a group that restarts is decided after the group is back', async () => {
    const world = family({ strategy: 'rest-for-one' });
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(50);
    world.tell('a', crash);
    await world.clock.advance(49);
    expect(world.flush()).toEqual(['c ends: restart', 'b ends: restart']);
    await world.clock.advance(150);
    expect(world.flush()).toEqual([
      ...['b begins', 'c begins'],
      ...['c ends: restart', 'b ends: restart', 'a ends: restart'],
      ...['a begins', 'b begins', 'c begins'],
    ]);
    expect(world.events).toHaveLength(2);
  });

  test('a crash inside a group that already restarts is part of it and restarts nothing twice', async () => {
    for (const exit of [crash, (ctx: ActorContext<Script>) => ctx.stopSelf()]) {
      const world = family({ strategy: 'one-for-all' }, { restart: 'permanent' });
      await world.clock.settle();
      world.flush();
      const door = gate();
      world.tell('c', () => door.opened);
      await world.clock.settle();
      world.tell('a', crash);
      await world.clock.settle();
      world.tell('b', exit);
      await world.clock.settle();
      door.open();
      await world.clock.advance(1_000);
      expect(world.events).toHaveLength(1);
      expect(world.flush()).toEqual([
        ...['c ends: restart', 'b ends: restart', 'a ends: restart'],
        ...['a begins', 'b begins', 'c begins'],
      ]);
    }
  });

  test('a supervisor that is stopped while its group restarts leaves nothing running', async () => {
    for (const waitMs of [0, 50]) {
      const world = family({ strategy: 'one-for-all' });
      await world.clock.settle();
      const door = gate();
      if (waitMs === 0) world.tell('b', () => door.opened);
      world.tell('a', crash);
      await world.clock.advance(waitMs);
      const stopped = world.system.stop(world.parent);
      door.open();
      await world.clock.settle();
      await stopped;
      expect(world.clock.pending).toBe(0);
      expect(world.flush().filter((line) => line.endsWith('begins'))).toHaveLength(4);
    }
  });

  test('an actor that fails while its supervisor waits itself is supervised when that is resumed', async () => {
    const { system, clock } = virtualSystem();
    const refs: Record<string, { tell(script: Script): boolean }> = {};
    let lives = 0;
    const decider = (error: unknown): Directive => (error instanceof SyntaxError ? 'resume' : 'restart');
    system.spawn(
      () =>
        scripted({
          start(top) {
            refs.resumed = top.spawn(
              () =>
                scripted({
                  start(ctx) {
                    refs.child = ctx.spawn(() => scripted({ start: () => void lives++ }));
                  },
                }),
              { supervision: { decider: () => 'escalate' } },
            );
            refs.group = top.spawn(scripted);
          },
        }),
      { supervision: { strategy: 'rest-for-one', decider } },
    );
    await clock.settle();
    refs.group?.tell(crash);
    await clock.advance(10);
    refs.resumed?.tell(() => {
      throw new SyntaxError('resume me');
    });
    await clock.advance(10);
    refs.child?.tell(crash);
    await clock.advance(10);
    expect(lives).toBe(1);
    await clock.advance(1_000);
    expect(lives).toBe(2);
  });

  test('a temporary sibling goes for good with its group', async () => {
    const { system, clock } = virtualSystem();
    let ctx: ActorContext<Script> | undefined;
    system.spawn(
      () =>
        scripted({
          start(context) {
            ctx = context;
            context.spawn(scripted, { name: 'temporary', restart: 'temporary' });
            context.spawn(scripted, { name: 'kept' }).tell(crash);
          },
        }),
      { supervision: { strategy: 'one-for-all' } },
    );
    await clock.advance(200);
    expect(ctx?.children.map((ref) => ref.path)).toEqual([expect.stringContaining('kept')]);
  });
});

describe('what a restart keeps', () => {
  test('state is new, the rest of the mailbox and the stash are kept, in order', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    let lives = 0;
    const ref = system.spawn<string>(() => {
      const life = ++lives;
      return {
        receive(message, ctx) {
          if (message === 'crash') throw new TypeError('crash');
          if (message === 'later' && life === 1) ctx.stash(message);
          else seen.push(`${life} ${message}`);
        },
      };
    });
    for (const message of ['a', 'later', 'crash', 'b', 'c']) ref.tell(message);
    await clock.advance(200);
    expect(seen).toEqual(['1 a', '2 later', '2 b', '2 c']);
    expect(system.inspect(ref).restarts).toBe(1);
  });

  test('what the earlier incarnation still does is refused', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const errors: unknown[] = [];
    let seen: string[] = [];
    let lives = 0;
    const ref = system.spawn<string>(
      () => {
        lives++;
        return {
          async receive(message, ctx) {
            seen.push(message);
            if (message !== 'hang') return;
            await door.opened;
            const attempts = [
              () => ctx.become({ receive: () => void seen.push('usurped') }),
              () => ctx.stash('x'),
              () => ctx.unstashAll(),
              () => ctx.schedule(1, 'x'),
              () => ctx.repeat(1, 'x'),
              () => ctx.spawn(scripted),
              () => ctx.stopSelf(),
              () => ctx.watch(ctx.self, () => 'x'),
              () => ctx.pipeToSelf(Promise.resolve(1), () => 'x'),
            ];
            for (const attempt of attempts) {
              try {
                attempt();
                errors.push('allowed');
              } catch (error) {
                errors.push((error as { code: string }).code);
              }
            }
            throw new TypeError('late crash');
          },
        };
      },
      { shutdownMs: 10 },
    );
    ref.tell('hang');
    await clock.settle();
    system.kill(ref);
    await clock.advance(200);
    expect(lives).toBe(2);
    seen = [];
    door.open();
    await clock.settle();
    expect(errors).toEqual(Array(9).fill('ACTOR_TERMINATED'));
    ref.tell('next');
    await clock.advance(100);
    expect(seen).toEqual(['next']);
    expect(lives).toBe(2);
  });

  test('a late result of an abandoned handler does not let the next message in early', async () => {
    const { system, clock } = virtualSystem();
    const doors = [gate(), gate()];
    const log: string[] = [];
    const ref = system.spawn<number>(() => ({
      async receive(i) {
        log.push(`begin ${i}`);
        await doors[i]?.opened;
        log.push(`end ${i}`);
      },
    }));
    for (const i of [0, 1, 2]) ref.tell(i);
    await clock.settle();
    system.kill(ref);
    await clock.advance(200);
    doors[0]!.open();
    await clock.settle();
    expect(log).toEqual(['begin 0', 'begin 1', 'end 0']);
  });

  test('a note that waits in the mailbox when its incarnation ends is dropped with it', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>(() => ({
      async receive(message, ctx) {
        seen.push(message);
        if (message !== 'first') return;
        ctx.pipeToSelf(Promise.resolve(), () => 'piped');
        await door.opened;
        throw new TypeError('crash');
      },
    }));
    ref.tell('first');
    ref.tell('second');
    await clock.settle();
    expect(system.inspect(ref).depth).toBe(2);
    door.open();
    await clock.advance(200);
    expect(seen).toEqual(['first', 'second']);
  });

  test('the signal fires, timers and piped promises of the earlier incarnation are silent', async () => {
    const { system, clock } = virtualSystem();
    const seen: string[] = [];
    const door = gate();
    let lives = 0;
    let signal: AbortSignal | undefined;
    const ref = system.spawn<string>(() => ({
      start(ctx) {
        if (++lives > 1) return;
        signal = ctx.signal;
        ctx.schedule(150, 'timer');
        ctx.repeat(150, 'tick');
        ctx.pipeToSelf(door.opened, () => 'piped');
      },
      receive(message) {
        if (message === 'crash') throw new TypeError('crash');
        seen.push(message);
      },
    }));
    ref.tell('crash');
    await clock.settle();
    expect(signal?.aborted).toBe(true);
    door.open();
    await clock.advance(500);
    expect(lives).toBe(2);
    expect(seen).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('children of the failed incarnation are stopped before the next begins', async () => {
    const { system, clock } = virtualSystem();
    const log: string[] = [];
    const ref = system.spawn(() =>
      scripted({
        start(ctx) {
          log.push('begin');
          ctx.spawn(() => scripted({ stop: () => void log.push('child stops') }), { name: 'child' });
        },
      }),
    );
    ref.tell(crash);
    await clock.advance(200);
    expect(log).toEqual(['begin', 'child stops', 'begin']);
    expect(system.inspect(ref).children).toBe(1);
  });
});

describe('directives and intensity', () => {
  const withDecider = (decider: (error: unknown) => Directive) => family({ decider });

  test('resume goes on with the same state and drops only the message', async () => {
    const world = withDecider(() => 'resume');
    await world.clock.settle();
    world.flush();
    let told = false;
    world.tell('a', crash);
    world.tell('a', () => {
      told = true;
    });
    await world.clock.settle();
    expect(told).toBe(true);
    expect(world.flush()).toEqual([]);
    expect(world.events).toEqual([]);
  });

  test('stop ends the child for good', async () => {
    const world = withDecider(() => 'stop');
    await world.clock.settle();
    world.tell('a', crash);
    await world.clock.advance(1_000);
    expect(world.context().children).toHaveLength(2);
    expect(world.flush()).toContain('a ends: crashed');
  });

  test('escalate makes the parent fail: its children end and it begins anew', async () => {
    const world = withDecider(() => 'escalate');
    await world.clock.settle();
    world.flush();
    world.tell('b', crash);
    await world.clock.advance(150);
    expect(world.flush()).toEqual([
      'b ends: crashed',
      'c ends: shutdown',
      'a ends: shutdown',
      'parent begins',
      'a begins',
      'b begins',
      'c begins',
    ]);
    expect(world.events).toMatchObject([{ ref: world.parent, error: { code: 'HANDLER_FAILED' } }]);
  });

  test('a decider that throws is a plain crash of the child', async () => {
    const world = withDecider(() => {
      throw new TypeError('decider');
    });
    await world.clock.settle();
    world.tell('a', crash);
    await world.clock.advance(150);
    expect(world.events).toHaveLength(1);
  });

  test('past the intensity the supervisor itself fails', async () => {
    const world = family({ intensity: 1, periodMs: 60_000 });
    await world.clock.settle();
    world.tell('a', crash);
    await world.clock.advance(150);
    world.tell('b', crash);
    await world.clock.advance(150);
    expect(world.events.map((event) => event.ref === world.parent)).toEqual([false, true]);
  });

  test('a child past a limit of its own stops alone', async () => {
    const world = family({}, { restartLimit: { intensity: 1, periodMs: 60_000 } });
    await world.clock.settle();
    world.tell('a', crash);
    await world.clock.advance(150);
    world.tell('a', crash);
    await world.clock.advance(150);
    expect(world.context().children).toHaveLength(2);
    expect(world.events).toHaveLength(1);
  });

  test('a top-level actor that crashes for ever is given up, the others live on', async () => {
    const { system, clock } = virtualSystem();
    let starts = 0;
    const ends: unknown[] = [];
    const bad = system.spawn<never>(
      () => {
        starts++;
        throw new RangeError('factory');
      },
      { shutdownMs: 10 },
    );
    const good = system.spawn(scripted);
    system.watch(bad, (terminated) => ends.push(terminated));
    await clock.advance(60_000);
    expect(starts).toBe(4);
    expect(ends).toMatchObject([{ ref: bad, reason: 'crashed', error: { message: 'factory' } }]);
    expect(good.tell(() => {})).toBe(true);
  });

  test('what reaches the root is fatal: the listener hears and the system shuts down', async () => {
    const fatal: unknown[] = [];
    const { system, clock } = virtualSystem({
      supervision: { decider: () => 'escalate' },
      onFatal: (error) => fatal.push(error),
    });
    const ref = system.spawn(scripted);
    const other = system.spawn(scripted);
    ref.tell(crash);
    await clock.advance(10_000);
    expect(fatal).toMatchObject([{ code: 'HANDLER_FAILED', cause: { message: 'broken' } }]);
    expect(other.tell(() => {})).toBe(false);
  });
});

describe('backoff', () => {
  test('a start that always fails backs off exponentially and never spins', async () => {
    const { system, clock } = virtualSystem({ limits: { topLevelIntensity: 100 } });
    const starts: number[] = [];
    system.spawn(
      () =>
        scripted({
          async start() {
            starts.push(clock.monotonic());
            throw new TypeError('start');
          },
        }),
      { backoff: { minMs: 100, maxMs: 500, jitter: 0 } },
    );
    await clock.advance(2_200);
    expect(starts).toEqual([0, 100, 300, 700, 1_200, 1_700, 2_200]);
  });

  test('a stable run resets it', async () => {
    const { system, clock } = virtualSystem();
    const delays: number[] = [];
    const world = virtualSystem({ clock, onRestart: ({ delayMs }) => delays.push(delayMs) });
    const ref = world.system.spawn(scripted, { backoff: { minMs: 100, jitter: 0, stableMs: 5_000 } });
    for (const waitMs of [1_000, 6_000, 1_000]) {
      ref.tell(crash);
      await clock.advance(waitMs);
    }
    expect(delays).toEqual([100, 200, 100]);
    await system.shutdown();
  });

  test('only a run counts as stable, not the time spent failing to start', async () => {
    const delays: number[] = [];
    const { system, clock } = virtualSystem({ onRestart: ({ delayMs }) => delays.push(delayMs) });
    let lives = 0;
    const ref = system.spawn(
      () =>
        scripted({
          async start() {
            if (++lives === 3) throw new TypeError('start');
          },
        }),
      { backoff: { minMs: 100, jitter: 0, stableMs: 5_000 } },
    );
    for (const waitMs of [6_000, 1_000]) {
      ref.tell(crash);
      await clock.advance(waitMs);
    }
    expect(delays).toEqual([100, 100, 200]);
  });

  test('an actor stopped while it restarts ends for the reason it was stopped for', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const ends: string[] = [];
    const ref = system.spawn(() => scripted({ stop: () => door.opened }));
    system.watch(ref, ({ reason }) => ends.push(reason));
    ref.tell(crash);
    await clock.settle();
    const stopped = system.stop(ref);
    door.open();
    await stopped;
    expect(ends).toEqual(['shutdown']);
  });

  test('an actor stopped during its backoff ends at once, and no timer stays', async () => {
    const { system, clock } = virtualSystem();
    const ref = system.spawn(scripted);
    ref.tell(crash);
    ref.tell(() => {});
    await clock.settle();
    expect(system.inspect(ref).status).toBe('waiting');
    await system.stop(ref);
    expect(clock.pending).toBe(0);
    expect(system.deadLetters.count).toBe(2);
  });

  test('a permanent child that stops itself comes back, a transient one does not', async () => {
    for (const [restart, lives] of [
      ['permanent', 2],
      ['transient', 1],
    ] as const) {
      const { system, clock } = virtualSystem();
      let begun = 0;
      const ref = system.spawn(() => scripted({ start: () => void begun++ }), { restart });
      ref.tell((ctx) => ctx.stopSelf());
      await clock.advance(200);
      expect(begun).toBe(lives);
    }
  });
});

test('a crash inside a piped promise mapping or a watch mapping is a crash of the actor', async () => {
  const { system, clock } = virtualSystem();
  let lives = 0;
  const ref = system.spawn(() => scripted({ start: () => void lives++ }));
  ref.tell((ctx) =>
    ctx.pipeToSelf(Promise.resolve(), () => {
      throw new TypeError('mapping');
    }),
  );
  await clock.advance(200);
  expect(lives).toBe(2);
});
