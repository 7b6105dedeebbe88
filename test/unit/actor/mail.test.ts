import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActorCell, OverflowPolicy, SpawnOptions } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

/** An actor whose handler waits at a shut gate at its first message, so that its mailbox fills. */
function blocked(options: SpawnOptions<number>) {
  const { system, clock } = virtualSystem();
  const door = gate();
  const handled: number[] = [];
  const ref = system.spawn<number>(
    () => ({
      async receive(message) {
        if (handled.push(message) === 1) await door.opened;
      },
    }),
    options,
  );
  return { system, clock, door, handled, ref };
}

const lost = (system: { deadLetters: { recent(): readonly { message: unknown }[] } }) =>
  system.deadLetters.recent().map((letter) => letter.message);

describe('order and isolation', () => {
  test('actors that wait for their handlers share mailboxes, and none gets the mail of another', async () => {
    const { system, clock } = virtualSystem();
    const doors = Array.from({ length: 4 }, gate);
    const handled = doors.map((): number[] => []);
    const cells = doors.map((door, at) => {
      const receive = async (message: number): Promise<void> => {
        if ((handled[at] as number[]).push(message) === 1) await door.opened;
      };
      return system.spawn<number>(() => ({ receive })) as ActorCell<number>;
    });
    for (const [at, cell] of cells.entries()) {
      cell.tell(at);
      await clock.settle();
      expect(cell.mailbox, 'it waits, and has no mail').toBeUndefined();
    }
    // Each gets mail while it waits; what it has given away is somebody else's by then.
    for (const message of [10, 20]) for (const [at, cell] of cells.entries()) cell.tell(message + at);
    expect(new Set(cells.map(({ mailbox }) => mailbox)).size).toBe(cells.length);
    for (const door of doors) door.open();
    await clock.settle();
    expect(handled).toEqual([0, 1, 2, 3].map((at) => [at, 10 + at, 20 + at]));
  });

  test('order is kept per sender, whatever the senders interleave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(4), { maxLength: 200 }), fc.boolean(), async (senders, slow) => {
        const { system, clock } = virtualSystem();
        const seen: [number, number][] = [];
        const ref = system.spawn<[number, number]>(() => ({
          receive(message) {
            seen.push(message);
            return slow && seen.length % 3 === 0 ? Promise.resolve() : undefined;
          },
        }));
        for (const [i, sender] of senders.entries()) ref.tell([sender, i]);
        await clock.settle();
        expect(seen).toEqual(senders.map((sender, i) => [sender, i]));
      }),
      { numRuns: 30 },
    );
  });

  test('one message at a time: the next waits until an async handler settles', async () => {
    const { system, clock } = virtualSystem();
    const doors = [gate(), gate()];
    const log: string[] = [];
    const ref = system.spawn<number>(() => ({
      async receive(i) {
        log.push(`begin ${i}`);
        await doors[i]!.opened;
        log.push(`end ${i}`);
      },
    }));
    ref.tell(0);
    ref.tell(1);
    await clock.settle();
    expect(log).toEqual(['begin 0']);
    doors[0]!.open();
    await clock.settle();
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1']);
    doors[1]!.open();
    await clock.settle();
    expect(log.at(-1)).toBe('end 1');
  });

  test('a handler that returns a value by accident is no promise', async () => {
    const { system, clock } = virtualSystem();
    const seen: number[] = [];
    const receive: (message: number) => void = (message) => seen.push(message);
    const ref = system.spawn<number>(() => ({ receive }));
    ref.tell(1);
    ref.tell(2);
    await clock.settle();
    expect(seen).toEqual([1, 2]);
  });
});

describe('overflow', () => {
  const fill = async (overflow: OverflowPolicy) => {
    const world = blocked({ mailbox: { capacity: 3, overflow } });
    world.ref.tell(0);
    await world.clock.settle();
    const told = [1, 2, 3, 4, 5].map((i) => world.ref.tell(i));
    world.door.open();
    await world.clock.settle();
    return { told, handled: world.handled, lost: lost(world.system) };
  };

  test('reject: the sender is told and the message is a dead letter', async () => {
    expect(await fill('reject')).toEqual({
      told: [true, true, true, false, false],
      handled: [0, 1, 2, 3],
      lost: [4, 5],
    });
  });

  test('drop-oldest: the oldest make room', async () => {
    expect(await fill('drop-oldest')).toEqual({ told: Array(5).fill(true), handled: [0, 3, 4, 5], lost: [1, 2] });
  });

  test('drop-newest: new ones are dropped without telling', async () => {
    expect(await fill('drop-newest')).toEqual({ told: Array(5).fill(true), handled: [0, 1, 2, 3], lost: [4, 5] });
  });

  test('backpressure: tell is refused as with reject', async () => {
    expect(await fill('backpressure')).toEqual({
      told: [true, true, true, false, false],
      handled: [0, 1, 2, 3],
      lost: [4, 5],
    });
  });

  test('drop-oldest never drops what the kernel itself has put there', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const seen: string[] = [];
    const ref = system.spawn<string>(
      () => ({
        async receive(message, ctx) {
          seen.push(message);
          if (message !== 'first') return;
          for (const name of ['one', 'two']) ctx.pipeToSelf(Promise.resolve(), () => name);
          await door.opened;
        },
      }),
      { mailbox: { capacity: 3, overflow: 'drop-oldest' } },
    );
    ref.tell('first');
    await clock.settle();
    for (const message of ['a', 'b', 'c', 'd']) ref.tell(message);
    door.open();
    await clock.settle();
    expect(seen).toEqual(['first', 'one', 'two', 'b', 'c', 'd']);
    expect(lost(system)).toEqual(['a']);
  });

  test('what the kernel puts there does not count, and the bound holds after it is handled', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const ref = system.spawn<string>(
      () => ({
        start(ctx) {
          for (const delayMs of [1, 2, 3]) ctx.schedule(delayMs, 'timer');
        },
        receive: (message) => (message === 'block' ? door.opened : undefined),
      }),
      { mailbox: { capacity: 1 } },
    );
    await clock.advance(5);
    ref.tell('block');
    await clock.settle();
    expect([ref.tell('a'), ref.tell('b')]).toEqual([true, false]);
  });

  test('an ask hears of it: MAILBOX_FULL when refused, dropped at once or dropped later', async () => {
    for (const overflow of ['reject', 'drop-newest', 'drop-oldest'] as const) {
      const { system, clock } = virtualSystem();
      const door = gate();
      const ref = system.spawn<object>(() => ({ receive: () => door.opened }), { mailbox: { capacity: 1, overflow } });
      ref.tell({});
      await clock.settle();
      const first = ref.ask((reply) => ({ reply })).catch((error: unknown) => error);
      const second = ref.ask((reply) => ({ reply })).catch((error: unknown) => error);
      const victim = overflow === 'drop-oldest' ? first : second;
      expect(await Promise.race([victim, clock.settle()])).toMatchObject({
        code: 'MAILBOX_FULL',
        undelivered: { reply: expect.anything() },
      });
    }
  });

  test('bytes are bounded too, and a message over the whole limit is refused even from an empty mailbox', async () => {
    const world = blocked({ mailbox: { bytes: 100, sizeOf: (size) => size } });
    world.ref.tell(1);
    await world.clock.settle();
    expect([60, 30, 20, 10, 101, Number.NaN].map((size) => world.ref.tell(size))).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(world.system.inspect(world.ref)).toMatchObject({ depth: 3, bytes: 100 });
    await expect(world.ref.offer(200)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    world.door.open();
    await world.clock.settle();
    expect(world.system.inspect(world.ref)).toMatchObject({ depth: 0, bytes: 0 });
  });

  test('neither count nor bytes ever pass their bounds, and nothing vanishes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 80 }),
        fc.constantFrom<OverflowPolicy>('reject', 'drop-oldest', 'drop-newest', 'backpressure'),
        async (sizes, overflow) => {
          const world = blocked({ mailbox: { capacity: 6, bytes: 120, overflow, sizeOf: (size) => size } });
          world.ref.tell(0);
          await world.clock.settle();
          for (const size of sizes) {
            world.ref.tell(size);
            const { depth, bytes } = world.system.inspect(world.ref);
            expect(depth).toBeLessThanOrEqual(6);
            expect(bytes).toBeLessThanOrEqual(120);
          }
          world.door.open();
          await world.clock.settle();
          expect([...world.handled, ...lost(world.system)].sort()).toEqual([0, ...sizes].sort());
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('offer', () => {
  test('waits for room, in order, and nobody overtakes who waits', async () => {
    const world = blocked({ mailbox: { capacity: 1, overflow: 'backpressure' } });
    world.ref.tell(0);
    await world.clock.settle();
    const accepted: number[] = [];
    for (const i of [1, 2, 3]) void world.ref.offer(i).then(() => accepted.push(i));
    await world.clock.settle();
    expect(accepted).toEqual([1]);
    expect(world.ref.tell(9)).toBe(false);
    world.door.open();
    await world.clock.settle();
    expect(accepted).toEqual([1, 2, 3]);
    expect(world.handled).toEqual([0, 1, 2, 3]);
    expect(world.ref.tell(4)).toBe(true);
  });

  test('costs no promise where there is room', async () => {
    const world = blocked({ mailbox: { capacity: 1, overflow: 'backpressure' } });
    const cell = world.ref as unknown as ActorCell<number>;
    cell.tell(0);
    await world.clock.settle();
    expect(cell.offerNow(1)).toBe(undefined);
    const waiting = cell.offerNow(2);
    expect(waiting).toBeInstanceOf(Promise);
    world.door.open();
    await waiting;
    await world.clock.settle();
    expect(world.handled).toEqual([0, 1, 2]);
  });

  test('a waiter over the limit is refused with OVERLOADED', async () => {
    const { system, clock } = virtualSystem({ limits: { mailboxWaiters: 2 } });
    const door = gate();
    const ref = system.spawn<number>(() => ({ receive: () => door.opened }), {
      mailbox: { capacity: 1, overflow: 'backpressure' },
    });
    ref.tell(0);
    await clock.settle();
    const offers = Promise.allSettled([1, 2, 3, 4].map((i) => ref.offer(i)));
    await clock.settle();
    door.open();
    const outcomes = await offers;
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[3]).toMatchObject({ reason: { code: 'OVERLOADED', undelivered: 4 } });
  });

  test('waiters hear when the actor dies', async () => {
    const world = blocked({ mailbox: { capacity: 1, overflow: 'backpressure' }, shutdownMs: 10 });
    world.ref.tell(0);
    await world.clock.settle();
    world.ref.tell(1);
    const waiting = world.ref.offer(2);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'ACTOR_TERMINATED', undelivered: 2 });
    void world.system.stop(world.ref);
    await world.clock.advance(10);
    await refused;
    expect(lost(world.system)).toEqual([0, 1, 2]);
  });

  test('without backpressure it is refused like tell', async () => {
    const world = blocked({ mailbox: { capacity: 1 } });
    world.ref.tell(0);
    await world.clock.settle();
    await world.ref.offer(1);
    await expect(world.ref.offer(2)).rejects.toMatchObject({ code: 'MAILBOX_FULL', undelivered: 2 });
  });
});

describe('dead letters', () => {
  test('carry reason, receiver, sender and time; the ring is bounded and the count is not', async () => {
    const heard: unknown[] = [];
    const { system, clock } = virtualSystem({
      limits: { deadLetters: 2 },
      onDeadLetter: (letter) => heard.push(letter),
    });
    const ref = system.spawn<string>(() => ({ receive() {} }), {
      name: 'gone',
      envelope: { sender: (message) => `sender of ${message}` },
    });
    await system.stop(ref);
    for (const message of ['a', 'b', 'c']) expect(ref.tell(message)).toBe(false);
    expect(system.deadLetters.count).toBe(3);
    expect(heard).toHaveLength(3);
    expect(system.deadLetters.recent()).toEqual(
      ['b', 'c'].map((message, i) => ({
        id: i + 2,
        message,
        to: ref.path,
        reason: 'terminated',
        sender: `sender of ${message}`,
        at: clock.now(),
        ageMs: 0,
      })),
    );
  });

  test('a listener that throws hurts nobody', async () => {
    const { system } = virtualSystem({
      onDeadLetter() {
        throw new TypeError('listener');
      },
    });
    const ref = system.spawn<string>(() => ({ receive() {} }));
    await system.stop(ref);
    expect(ref.tell('a')).toBe(false);
  });

  test('the crashing message goes there with its error, the rest stays', async () => {
    const { system, clock } = virtualSystem();
    const handled: number[] = [];
    const ref = system.spawn<number>(() => ({
      receive(message) {
        if (message === 2) throw new RangeError('two');
        handled.push(message);
      },
    }));
    for (const i of [1, 2, 3]) ref.tell(i);
    await clock.advance(200);
    expect(handled).toEqual([1, 3]);
    expect(system.deadLetters.recent()).toMatchObject([{ message: 2, reason: 'crashed', error: { message: 'two' } }]);
  });
});

test('accessors that throw hurt neither the sender nor the system', async () => {
  const fails = (): never => {
    throw new TypeError('accessor');
  };
  const fatal: unknown[] = [];
  const { system, clock } = virtualSystem({ onFatal: (error) => fatal.push(error) });
  const ref = system.spawn<string>(() => ({ receive() {} }), {
    mailbox: { sizeOf: fails },
    envelope: { sender: fails },
  });
  expect(ref.tell('a')).toBe(false);
  await clock.settle();
  expect(fatal).toEqual([]);
  expect(lost(system)).toEqual(['a']);
});

test('a foreign thenable that throws, and a handler that throws nothing, are crashes of the actor', async () => {
  const fatal: unknown[] = [];
  const restarts: unknown[] = [];
  const { system, clock } = virtualSystem({
    onFatal: (error) => fatal.push(error),
    onRestart: ({ error }) => restarts.push(error),
  });
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: the point of the test
    then() {
      throw new TypeError('then');
    },
  };
  const ref = system.spawn<() => unknown>(() => ({ receive: (message) => message() as Promise<void> }));
  ref.tell(() => thenable);
  ref.tell(() => Promise.reject());
  const asked = ref
    .ask(() => () => {
      throw undefined;
    })
    .catch((error: unknown) => error);
  await clock.advance(5_000);
  expect(restarts).toMatchObject([{ message: 'then' }, { code: 'HANDLER_FAILED' }, { code: 'HANDLER_FAILED' }]);
  expect(await asked).toMatchObject({ code: 'HANDLER_FAILED' });
  expect(fatal).toEqual([]);
});

test('the age of the oldest message is seen from outside', async () => {
  const world = blocked({});
  world.ref.tell(0);
  await world.clock.settle();
  await world.clock.advance(1_000);
  world.ref.tell(1);
  await world.clock.advance(500);
  expect(world.system.inspect(world.ref)).toMatchObject({ depth: 1, oldestAgeMs: 500 });
});
