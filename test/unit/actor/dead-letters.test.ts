import { describe, expect, test } from 'vitest';
import type { KernelLimits, SpawnOptions } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

/** An actor that fails on every message until it is mended. */
function fragile(options: SpawnOptions<string> = {}, limits: Partial<KernelLimits> = {}) {
  const world = virtualSystem({ limits });
  const handled: string[] = [];
  let broken = true;
  const ref = world.system.spawn<string>(
    () => ({
      receive(message) {
        if (broken) throw new RangeError(message);
        handled.push(message);
      },
    }),
    { restartLimit: { intensity: 100, periodMs: 1 }, backoff: { minMs: 0 }, ...options },
  );
  const kept = () => world.system.deadLetters.recent().map(({ message }) => message);
  const mend = (): void => {
    broken = false;
  };
  return { ...world, ref, handled, kept, mend };
}

describe('replay', () => {
  test('sends chosen dead letters to their actor again, oldest first, and leaves the others', async () => {
    const world = fragile();
    for (const message of ['a', 'b', 'c', 'd']) world.ref.tell(message);
    await world.clock.advance(1);
    world.mend();
    expect(world.kept()).toEqual(['a', 'b', 'c', 'd']);
    expect(world.system.replay(({ message }) => message !== 'b')).toEqual({ accepted: 3, refused: 0 });
    await world.clock.advance(1);
    expect(world.handled).toEqual(['a', 'c', 'd']);
    expect(world.kept()).toEqual(['b']);
    expect(world.system.deadLetters.count).toBe(4);
  });

  test('what a dead actor was sent stays, until it is sent to another', async () => {
    const world = fragile();
    const heir = world.system.spawn<string>(() => ({
      receive: (message) => void world.handled.push(`heir ${message}`),
    }));
    await world.system.stop(world.ref);
    world.ref.tell('late');
    expect(world.system.replay(() => true)).toEqual({ accepted: 0, refused: 1 });
    expect(world.kept()).toEqual(['late']);
    expect(world.system.deadLetters.count).toBe(1);
    expect(world.system.replay(({ id }) => id === 1, heir)).toEqual({ accepted: 1, refused: 0 });
    await world.clock.settle();
    expect(world.handled).toEqual(['heir late']);
    expect(world.kept()).toEqual([]);
  });

  test('what a full mailbox refuses is a dead letter anew', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const ref = system.spawn<string>(() => ({ receive: () => door.opened }), { mailbox: { capacity: 1 } });
    ref.tell('under way');
    await clock.settle();
    for (const message of ['waits', 'x', 'y']) ref.tell(message);
    expect(system.replay(() => true)).toEqual({ accepted: 0, refused: 2 });
    expect(system.deadLetters.recent().map(({ id, message }) => [id, message])).toEqual([
      [3, 'x'],
      [4, 'y'],
    ]);
  });

  test('a choice that throws sends nothing and loses nothing', async () => {
    const world = fragile();
    for (const message of ['a', 'b']) world.ref.tell(message);
    await world.clock.advance(1);
    const choose = ({ message }: { message: unknown }): boolean => {
      if (message === 'b') throw new TypeError('which?');
      return true;
    };
    expect(() => world.system.replay(choose)).toThrow('which?');
    expect(world.kept()).toEqual(['a', 'b']);
  });
});

describe('what is kept', () => {
  test('knows its age', async () => {
    const world = fragile();
    world.ref.tell('a');
    await world.clock.settle();
    await world.clock.advance(250);
    expect(world.system.deadLetters.recent()).toMatchObject([{ message: 'a', reason: 'crashed', ageMs: 250 }]);
  });

  test('is bounded by bytes where sizes are known: the oldest go first, and what is too large is only counted', async () => {
    const sized = { mailbox: { sizeOf: (message: string) => message.length } };
    const world = fragile(sized, { deadLetterBytes: 10 });
    for (const message of ['aaaa', 'bbbb', 'cc', 'ddd', 'e'.repeat(11)]) world.ref.tell(message);
    await world.clock.advance(1);
    expect(world.kept()).toEqual(['bbbb', 'cc', 'ddd']);
    expect(world.system.deadLetters.count).toBe(5);
  });

  test('gives its bytes back when it is sent again', async () => {
    const sized = { mailbox: { sizeOf: (message: string) => message.length } };
    const world = fragile(sized, { deadLetterBytes: 10 });
    for (let round = 0; round < 3; round++) {
      world.ref.tell('0123456789');
      await world.clock.advance(1);
      expect(world.system.replay(() => true)).toEqual({ accepted: 1, refused: 0 });
      await world.clock.advance(1);
      expect(world.kept()).toEqual(['0123456789']);
      world.system.replay(() => true);
      await world.clock.advance(1);
    }
  });
});
