import { describe, expect, test } from 'vitest';
import type {
  ActorContext,
  ExitKind,
  Ref,
  RestartType,
  SpawnOptions,
  Strategy,
  SupervisionOptions,
} from '../../../src/actor/index.ts';
import { gate, type Script, scripted, virtualSystem } from './setup.ts';

const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary'];
const EXITS: readonly ExitKind[] = ['normal', 'shutdown', 'crash', 'kill'];
const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one'];
const BACKOFF_MS = 100;

const crash: Script = () => {
  throw new RangeError('broken');
};

/**
 * A supervisor with children a, b and c. `flush` gives what happened since: every hook, and every end that a watcher heard of.
 *
 * @param failingStarts by name, how many starts fail after the first one
 */
async function family(
  supervision: SupervisionOptions,
  optionsOf: (name: string) => SpawnOptions<Script> = () => ({}),
  failingStarts: Record<string, number> = {},
) {
  const world = virtualSystem();
  const log: string[] = [];
  let firstLives = true;
  const children = new Map<string, Ref<Script>>();
  const parent = world.system.spawn<Script>(
    () =>
      scripted({
        start(ctx) {
          for (const name of ['a', 'b', 'c']) {
            const hooks = {
              start: () => {
                const failures = failingStarts[name] ?? 0;
                if (failures > 0 && !firstLives) {
                  failingStarts[name] = failures - 1;
                  log.push(`${name} fails to begin`);
                  throw new RangeError('no start');
                }
                log.push(`${name} begins`);
              },
              stop: (_: unknown, reason: string) => void log.push(`${name} ends: ${reason}`),
            };
            const backoff = { minMs: BACKOFF_MS, jitter: 0 };
            const options: SpawnOptions<Script> = { name, backoff, restart: 'permanent', ...optionsOf(name) };
            const ref = ctx.spawn(() => scripted(hooks), options);
            children.set(name, ref);
            world.system.watch(ref, ({ reason }) => log.push(`${name} is dead: ${reason}`));
          }
        },
      }),
    { supervision, backoff: { minMs: BACKOFF_MS, jitter: 0 } },
  );
  await world.clock.settle();
  log.splice(0);
  firstLives = false;
  const flush = (): string[] => log.splice(0);
  const child = (name: string): Ref<Script> => children.get(name)!;
  return { ...world, parent, child, flush };
}

type Family = Awaited<ReturnType<typeof family>>;

const EXIT: Readonly<Record<ExitKind, (world: Family) => void>> = {
  normal: ({ child }) => void child('b').tell((ctx) => ctx.stopSelf('normal')),
  shutdown: ({ child }) => void child('b').tell((ctx) => ctx.stopSelf('shutdown')),
  crash: ({ child }) => void child('b').tell(crash),
  kill: ({ child, system }) => system.kill(child('b')),
};

/** The rules of Erlang/OTP, written out: which exits a child comes back from. */
const COMES_BACK: Readonly<Record<RestartType, readonly ExitKind[]>> = {
  permanent: ['normal', 'shutdown', 'crash', 'kill'],
  transient: ['crash', 'kill'],
  temporary: [],
};

/** Who ends and begins with b, in order of start. */
const GROUP: Readonly<Record<Strategy, readonly string[]>> = {
  'one-for-one': ['b'],
  'one-for-all': ['a', 'b', 'c'],
  'rest-for-one': ['b', 'c'],
};

const HEARD: Readonly<Record<ExitKind, string>> = {
  normal: 'normal',
  shutdown: 'shutdown',
  crash: 'crashed',
  kill: 'killed',
};

describe.each(RESTARTS)('a %s child', (restart) => {
  describe.each(EXITS)('that ends by %s', (exit) => {
    test.each(STRATEGIES)('under %s', async (strategy) => {
      const world = await family({ strategy }, (name) => (name === 'b' ? { restart } : {}));
      EXIT[exit](world);
      await world.clock.advance(BACKOFF_MS - 1);
      // Who is killed on the spot runs no hook.
      const ends = (name: string, reason: string): string[] =>
        name === 'b' && exit === 'kill' ? [] : [`${name} ends: ${reason}`];
      if (!COMES_BACK[restart].includes(exit)) {
        expect(world.flush()).toEqual([...ends('b', HEARD[exit]), `b is dead: ${HEARD[exit]}`]);
        await world.clock.advance(60_000);
        expect(world.flush()).toEqual([]);
        expect(world.child('b').tell(() => {})).toBe(false);
        return;
      }
      const group = GROUP[strategy];
      expect(world.flush()).toEqual(group.toReversed().flatMap((name) => ends(name, 'restart')));
      await world.clock.advance(1);
      expect(world.flush()).toEqual(group.map((name) => `${name} begins`));
      let answered = 0;
      for (const name of ['a', 'b', 'c']) world.child(name).tell(() => void answered++);
      await world.clock.settle();
      expect(answered).toBe(3);
    });
  });
});

describe.each(STRATEGIES)('under %s', (strategy) => {
  const group = GROUP[strategy];
  const begin = group.map((name) => `${name} begins`);

  test('restarts over the intensity make the supervisor fail, a group counting once; then it begins anew', async () => {
    const steady = { minMs: BACKOFF_MS, maxMs: BACKOFF_MS, jitter: 0 };
    const world = await family({ strategy, intensity: 2, periodMs: 10_000 }, () => ({ backoff: steady }));
    // The third is allowed too: the first is 10 s ago by then.
    for (let i = 0; i < 3; i++) {
      world.child('b').tell(crash);
      await world.clock.advance(5_000);
      expect(world.flush().slice(-group.length)).toEqual(begin);
    }
    for (let i = 0; i < 2; i++) world.child('b').tell(crash);
    await world.clock.advance(2 * BACKOFF_MS);
    const log = world.flush();
    for (const name of ['a', 'b', 'c']) expect(log.some((line) => line.startsWith(`${name} is dead`))).toBe(true);
    expect(log.slice(-3)).toEqual(['a begins', 'b begins', 'c begins']);
    expect(world.system.inspect(world.parent)).toMatchObject({ status: 'running', restarts: 1 });
  });

  test('a handler that crashes while its actor stops spoils nothing: the end has the reason it had', async () => {
    const world = await family({ strategy });
    const door = gate();
    world.child('b').tell(() => door.opened);
    await world.clock.settle();
    const stopped = world.system.stop(world.child('b'));
    await world.clock.settle();
    door.break(new RangeError('too late'));
    await stopped;
    await world.clock.advance(1_000);
    expect(world.flush()).toEqual(['b ends: shutdown', 'b is dead: shutdown']);
    expect(world.system.deadLetters.recent()).toMatchObject([{ reason: 'crashed', error: { message: 'too late' } }]);
  });

  test('a start that fails in the new life is a crash of its own, with more backoff', async () => {
    const world = await family({ strategy, intensity: 10 }, undefined, { b: 1 });
    world.child('b').tell(crash);
    await world.clock.advance(BACKOFF_MS);
    expect(world.flush()).toContain('b fails to begin');
    await world.clock.advance(2 * BACKOFF_MS - 1);
    expect(world.flush()).not.toContain('b begins');
    await world.clock.advance(1);
    expect(world.flush().slice(-group.length)).toEqual(begin);
  });

  test('a child that never stops is abandoned after its limit, and the group goes on without it', async () => {
    const world = await family({ strategy }, () => ({ shutdownMs: 50 }));
    const never = gate();
    let late: ActorContext<Script> | undefined;
    const hang: Script = async (ctx) => {
      await never.opened;
      late = ctx;
    };
    for (const name of group) if (name !== 'b') world.child(name).tell(hang);
    await world.clock.settle();
    world.child('b').tell(crash);
    await world.clock.advance((group.length - 1) * 50 + BACKOFF_MS);
    expect(world.flush().slice(-group.length)).toEqual(begin);
    never.open();
    await world.clock.settle();
    if (group.length > 1) expect(() => late!.become(scripted())).toThrow('has stopped');
    expect(world.flush()).toEqual([]);
  });

  test('hooks and deciders that throw are crashes of the child, never of the process', async () => {
    const world = virtualSystem();
    let lives = 0;
    const thrower = (): never => {
      throw new TypeError('hook');
    };
    let tell: ((script: Script) => void) | undefined;
    const parent = world.system.spawn(
      () =>
        scripted({
          start(ctx) {
            const hooks = { start: () => void lives++, stop: thrower };
            const child = ctx.spawn(() => scripted(hooks), { backoff: { minMs: 1, jitter: 0 } });
            tell = (script) => void child.tell(script);
          },
        }),
      { supervision: { strategy, decider: thrower } },
    );
    await world.clock.settle();
    tell!(crash);
    await world.clock.advance(10);
    expect(lives).toBe(2);
    await world.system.stop(parent);
    expect(world.system.inspect(parent).status).toBe('dead');
  });
});
