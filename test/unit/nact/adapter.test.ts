import { describe, expect, test } from 'vitest';
import { nullLogger, SeededRandom } from '../../../src/core/index.ts';
import { configurePersistence, type Nact, nactOn, type Ref } from '../../../src/nact/index.ts';
import { ManualClock } from '../../../src/testkit/index.ts';
import { gate } from '../actor/setup.ts';
import { MemoryEngine } from './memory-engine.ts';

// Where the adapter does more than nact does, or what nact's own documentation says and nact doesn't do.

function virtual(): { nact: Nact; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, nact: nactOn({ clock, random: new SeededRandom(1), logger: nullLogger }) };
}

describe('stop', () => {
  test('of an actor or a system ends all below it: each afterStop runs', async () => {
    const { nact, clock } = virtual();
    const stopped: string[] = [];
    const make = (parent: Ref<never>, name: string): Ref<never> =>
      nact.spawn(parent, (state: number) => state, name, { afterStop: () => void stopped.push(name) }) as Ref<never>;
    const system = nact.start();
    const shop = make(system, 'shop');
    make(make(shop, 'north'), 'drawer');
    nact.stop(shop);
    await clock.settle();
    expect(stopped.toSorted()).toEqual(['drawer', 'north', 'shop']);
    make(make(system, 'kiosk'), 'till');
    nact.stop(system);
    await clock.settle();
    expect(stopped.slice(3).toSorted()).toEqual(['kiosk', 'till']);
    expect(clock.pending).toBe(0);
  });
});

describe('a crash', () => {
  test('that a parent answers with resume lets the child go on', async () => {
    const { nact, clock } = virtual();
    const system = nact.start();
    const parent = nact.spawn(system, (state: number) => state, 'parent', { onCrash: (_m, _e, ctx) => ctx.resume });
    const handled: string[] = [];
    const child = nact.spawn(
      parent as Ref<never>,
      (_: undefined, message: string) => {
        if (message === 'bad') throw new Error('bad');
        handled.push(message);
        return undefined;
      },
      'child',
      { onCrash: (_m, _e, ctx) => ctx.escalate },
    );
    for (const message of ['bad', 'good']) nact.dispatch(child, message);
    await clock.settle();
    expect(handled).toEqual(['good']);
  });

  test('of onCrash itself stops the actor', async () => {
    const { nact, clock } = virtual();
    let stopped = false;
    const actor = nact.spawn(
      nact.start(),
      () => {
        throw new Error('first');
      },
      'actor',
      {
        onCrash: () => {
          throw new Error('second');
        },
        afterStop: () => {
          stopped = true;
        },
      },
    );
    nact.dispatch(actor, 1);
    await clock.settle();
    expect(stopped).toBe(true);
    await expect(nact.query(actor, 1, 10)).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
  });

  test('of each initial state, answered with reset each time, ends: it never spins', async () => {
    const { nact, clock } = virtual();
    let tries = 0;
    const actor = nact.spawn(nact.start(), (state: number) => state, 'actor', {
      initialStateFunc: () => {
        tries++;
        throw new Error('never');
      },
      onCrash: (_m, _e, ctx) => ctx.reset,
    });
    await clock.settle();
    expect(tries).toBe(5);
    await expect(nact.query(actor, 1, 10)).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
  });
});

test('a reset while a handler waits: no two handlers at once, and its late state changes nothing', async () => {
  const { nact, clock } = virtual();
  const system = nact.start();
  const waits = gate();
  const seen: unknown[] = [];
  const make = (name: string): Ref<string> =>
    nact.spawn(
      system,
      async (state: string, message: string) => {
        seen.push([name, state, message]);
        if (message === 'crash') throw new Error('crash');
        if (message === 'wait') await waits.opened;
        seen.push([name, 'ends', message]);
        return message;
      },
      name,
      { initialState: 'initial', onCrash: (_m, _e, ctx) => ctx.resetAll },
    );
  const [slow, bad] = [make('slow'), make('bad')];
  for (const message of ['wait', 'next']) nact.dispatch(slow, message);
  nact.dispatch(bad, 'crash');
  await clock.settle();
  expect(seen).toEqual([
    ['slow', 'initial', 'wait'],
    ['bad', 'initial', 'crash'],
  ]);
  waits.open();
  await clock.settle();
  expect(seen.slice(2)).toEqual([
    ['slow', 'ends', 'wait'],
    ['slow', 'initial', 'next'],
    ['slow', 'ends', 'next'],
  ]);
});

describe('in virtual time', () => {
  test('a query ends at its limit, and an answer that comes later goes nowhere', async () => {
    const { nact, clock } = virtual();
    const system = nact.start();
    const asked: Ref<string>[] = [];
    const actor = nact.spawnStateless(system, (_: string, ctx) => void asked.push(ctx.sender as Ref<string>));
    const outcome = nact.query(actor, 'hm?', 1_000).catch((error: unknown) => error);
    await clock.advance(999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: 'TIMEOUT' });
    nact.dispatch(asked[0] as Ref<string>, 'late');
    expect(clock.pending).toBe(0);
  });

  test('an answered query leaves nothing behind', async () => {
    const { nact, clock } = virtual();
    const actor = nact.spawnStateless(nact.start(), (_: string, ctx) => nact.dispatch(ctx.sender, 'hm'));
    const answer = nact.query(actor, 'hm?', 1_000);
    await clock.settle();
    expect(await answer).toBe('hm');
    expect(clock.pending).toBe(0);
  });

  test('shutdownAfter counts from the end of the last message', async () => {
    const { nact, clock } = virtual();
    let stoppedAt = 0;
    const actor = nact.spawn(nact.start(), (state: number) => state, 'idle', {
      shutdownAfter: 100,
      afterStop: () => {
        stoppedAt = clock.monotonic();
      },
    });
    await clock.advance(60);
    nact.dispatch(actor, 1);
    await clock.advance(99);
    expect(stoppedAt).toBe(0);
    await clock.advance(200);
    expect(stoppedAt).toBe(160);
  });
});

describe('persistence', () => {
  type Event = string;
  function ledger(nact: Nact, engine: MemoryEngine, verdict: 'resume' | 'reset' | 'stop' = 'stop') {
    const system = nact.start(configurePersistence(engine));
    return nact.spawnPersistent<readonly string[], Event, typeof system>(
      system,
      async (sold = [], message, ctx) => {
        if (message === 'all') {
          nact.dispatch(ctx.sender, sold);
          return sold;
        }
        if (ctx.recovering && message === 'rotten') throw new Error('rotten');
        if (!ctx.recovering) await ctx.persist(message);
        return [...sold, message];
      },
      'key',
      'ledger',
      { onCrash: (_m, _e, ctx) => ctx[verdict] },
    );
  }

  test('an event that could not be kept leaves no hole: the next one takes its number', async () => {
    const { nact, clock } = virtual();
    const engine = new MemoryEngine();
    const actor = ledger(nact, engine, 'resume');
    engine.broken = true;
    nact.dispatch(actor, 'lost');
    await clock.settle();
    engine.broken = false;
    nact.dispatch(actor, 'kept');
    await clock.settle();
    expect(engine.kept.map(({ sequenceNumber, data }) => [sequenceNumber, data])).toEqual([[1, 'kept']]);
  });

  test.each([
    ['resume', ['good', 'fresh']],
    ['stop', undefined],
    ['reset', undefined],
  ] as const)('an event that crashes the replay, answered with %s', async (verdict, expected) => {
    const { nact, clock } = virtual();
    const engine = new MemoryEngine();
    for (const [i, data] of ['good', 'rotten'].entries()) {
      await engine.persist({ key: 'key', sequenceNumber: i + 1, data, tags: [], createdAt: 0, isDeleted: false });
    }
    const actor = ledger(nact, engine, verdict);
    nact.dispatch(actor, 'fresh');
    const answer = nact.query(actor, 'all', 100).catch(() => undefined);
    await clock.advance(100);
    expect(await answer).toEqual(expected);
    if (expected !== undefined) expect(engine.kept.at(-1)).toMatchObject({ sequenceNumber: 3, data: 'fresh' });
  });
});
