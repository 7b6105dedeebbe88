import { expect, test } from 'vitest';
import { type Ref, Topics } from '../../../src/actor/index.ts';
import { virtualSystem } from './setup.ts';

interface Events {
  readonly prices: number;
  readonly news: string;
}

function readers() {
  const world = virtualSystem();
  const seen: string[] = [];
  const reader = (name: string, capacity = 100): Ref<number | string> =>
    world.system.spawn<number | string>(() => ({ receive: (message) => void seen.push(`${name} ${message}`) }), {
      name,
      mailbox: { capacity },
    });
  return { ...world, seen, reader, topics: new Topics<Events>() };
}

test('each subscriber of a topic gets each message once, in order, from its subscription to its end', async () => {
  const { topics, clock, seen, reader } = readers();
  const [a, b] = [reader('a'), reader('b')];
  expect(topics.publish('news', 'nobody hears this')).toBe(0);
  topics.subscribe('news', a);
  topics.subscribe('news', a);
  topics.subscribe('prices', b);
  expect(topics.publish('news', 'one')).toBe(1);
  topics.subscribe('news', b);
  expect(topics.publish('news', 'two')).toBe(2);
  expect(topics.unsubscribe('news', a)).toBe(true);
  expect(topics.unsubscribe('news', a)).toBe(false);
  expect(topics.publish('news', 'three')).toBe(1);
  expect(topics.publish('prices', 7)).toBe(1);
  await clock.settle();
  expect(seen).toEqual(['a one', 'a two', 'b two', 'b three', 'b 7']);
});

test('the dead are forgotten, and a topic without subscribers too', async () => {
  const { topics, clock, system, reader } = readers();
  const [a, b] = [reader('a'), reader('b')];
  for (const ref of [a, b]) topics.subscribe('news', ref);
  await system.stop(a);
  expect(topics.publish('news', 'one')).toBe(1);
  await clock.settle();
  await system.stop(b);
  expect(topics.count('news')).toBe(0);
  expect(topics.publish('news', 'two')).toBe(0);
  expect(system.deadLetters.count).toBe(0);
  topics.subscribe('news', reader('c'));
  expect(topics.publish('news', 'three')).toBe(1);
});

test('one that is full loses alone', async () => {
  const { topics, clock, system, seen, reader } = readers();
  topics.subscribe('prices', reader('small', 1));
  topics.subscribe('prices', reader('large'));
  expect([1, 2, 3].map((price) => topics.publish('prices', price))).toEqual([2, 1, 1]);
  await clock.settle();
  expect(seen).toEqual(['small 1', 'large 1', 'large 2', 'large 3']);
  expect(system.deadLetters.recent().map(({ message }) => message)).toEqual([2, 3]);
});
