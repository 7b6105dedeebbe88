import { expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/index.ts';
import { MachineClock } from './clocks.ts';
import { type Actor, World } from './world.ts';

function actor(name = 'a'): Actor {
  return { name, life: 0, pausedUntil: 0 };
}

test('events happen in the order of their time, then of being scheduled', async () => {
  const world = new World(new SeededRandom(1));
  const a = actor();
  const seen: string[] = [];
  for (const [at, name] of [
    [30, 'd'],
    [10, 'a'],
    [20, 'b'],
    [20, 'c'],
    [40, 'e'],
  ] as const) {
    world.schedule(at, a, () => seen.push(`${name}${world.now}`));
  }
  await world.run(30);
  expect(seen).toEqual(['a10', 'b20', 'c20', 'd30']);
  expect(world.now).toBe(30);
});

test('all that an event causes has settled before the next', async () => {
  const world = new World(new SeededRandom(1));
  const a = actor();
  const seen: number[] = [];
  world.schedule(1, a, () => {
    let chain = Promise.resolve();
    for (let i = 0; i < 100; i++) chain = chain.then(() => queueMicrotask(() => seen.push(i)));
  });
  world.schedule(1, a, () => seen.push(-1));
  await world.run(2);
  expect(seen.at(-1)).toBe(-1);
  expect(seen.length).toBe(101);
});

test('a life that is over does nothing more; messages reach the next one', async () => {
  const world = new World(new SeededRandom(1));
  const a = actor();
  const seen: string[] = [];
  world.schedule(10, a, () => seen.push('timer'));
  world.schedule(10, a, () => seen.push('message'), true);
  a.life++;
  await world.run(20);
  expect(seen).toEqual(['message']);
});

test('a pause puts off what belongs to its actor, and keeps its order', async () => {
  const world = new World(new SeededRandom(1));
  const [a, b] = [actor('a'), actor('b')];
  a.pausedUntil = 50;
  const seen: string[] = [];
  for (const at of [10, 20]) world.schedule(at, a, () => seen.push(`a${at} at ${world.now}`));
  world.schedule(5, a, () => seen.push('message'), true);
  world.schedule(15, b, () => seen.push('b15'));
  await world.run(100);
  expect(seen).toEqual(['b15', 'a10 at 50', 'a20 at 50', 'message']);
});

test('a clock runs at its own rate, and its timers can be cancelled', async () => {
  const world = new World(new SeededRandom(1));
  const a = actor();
  const clock = new MachineClock(world, a, { rate: 2, offsetMs: 500 });
  const seen: number[] = [];
  const ticks = clock.repeat(100, () => seen.push(world.now));
  clock.schedule(70, () => seen.push(-1)).cancel();
  await world.run(160);
  ticks.cancel();
  await world.run(1_000);
  expect(seen).toEqual([50, 100, 150]);
  expect(clock.monotonic()).toBe(2_000);
});
