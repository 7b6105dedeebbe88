import { describe, expect, test } from 'vitest';
import type { Behavior, Ref, ReplyTo } from '../../../../src/actor/index.ts';
import { World } from './world.ts';

type Count = { readonly add: number; readonly reply: ReplyTo<number> };

function counter(): Behavior<Count> {
  let count = 0;
  return {
    receive({ add, reply }) {
      count += add;
      reply.tell(count);
    },
  };
}

describe('a ref of an actor on another node', () => {
  test('is found by name; tells arrive in order, asks are answered', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    const got: number[] = [];
    b.actors.spawn<number>(() => ({ receive: (n) => void got.push(n) }), { name: 'list' });
    b.actors.spawn<Count>(counter, { name: 'counter' });
    const list = await world.settle(a.actors.find<number>('b', 'list'));
    for (let i = 0; i < 200; i++) expect(list.tell(i)).toBe(true);
    const ref = await world.settle(a.actors.find<Count>('b', 'counter'));
    expect(await world.settle(ref.ask<number>((reply) => ({ add: 2, reply })))).toBe(2);
    expect(await world.settle(ref.ask<number>((reply) => ({ add: 3, reply })))).toBe(5);
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await world.close();
  });

  test('in a message is a ref there, and comes back as itself', async () => {
    const world = new World();
    const [a, b] = [await world.join('a'), await world.join('b')];
    type Ping = { readonly from: Ref<{ readonly me: Ref<Ping>; readonly you: unknown }> };
    b.actors.spawn<Ping>(() => ({ receive: ({ from }, ctx) => void from.tell({ me: ctx.self, you: from }) }), {
      name: 'echo',
    });
    const echo = await world.settle(a.actors.find<Ping>('b', 'echo'));
    const got: { readonly me: Ref<Ping>; readonly you: unknown }[] = [];
    const self: Ref<(typeof got)[number]> = a.actors.spawn(() => ({ receive: (message) => void got.push(message) }));
    echo.tell({ from: self });
    await world.clock.advance(100);
    expect(got).toHaveLength(1);
    expect(got[0]?.me).toBe(echo);
    expect(got[0]?.you).toBe(self);
    await world.close();
  });
});
