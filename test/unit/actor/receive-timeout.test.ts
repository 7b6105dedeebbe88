import { expect, test } from 'vitest';
import type { ActorContext } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

type Act = (ctx: ActorContext<string>) => void | Promise<void>;

/** An actor with a receive timeout of 100 ms that notes when it handles what. */
function quiet(acts: Record<string, Act> = {}) {
  const world = virtualSystem();
  const seen: string[] = [];
  const ref = world.system.spawn<string>(
    () => ({
      start: (ctx) => ctx.setReceiveTimeout(100, 'quiet'),
      receive(message, ctx) {
        seen.push(`${message} ${world.clock.monotonic()}`);
        return acts[message]?.(ctx);
      },
    }),
    { backoff: { minMs: 10, jitter: 0 } },
  );
  return { ...world, ref, seen };
}

test('counts from the last message, and again and again while it is quiet', async () => {
  const { clock, ref, seen } = quiet();
  await clock.advance(60);
  ref.tell('a');
  await clock.advance(99);
  expect(seen).toEqual(['a 60']);
  await clock.advance(41);
  expect(seen).toEqual(['a 60', 'quiet 160']);
  await clock.advance(60);
  expect(seen).toEqual(['a 60', 'quiet 160', 'quiet 260']);
});

test('a long handler is no silence: it counts from its end', async () => {
  const door = gate();
  const { clock, ref, seen } = quiet({ long: () => door.opened });
  ref.tell('long');
  await clock.advance(350);
  door.open();
  await clock.advance(99);
  expect(seen).toEqual(['long 0']);
  await clock.advance(1);
  expect(seen).toEqual(['long 0', 'quiet 450']);
});

test('can be cancelled and replaced', async () => {
  const { clock, ref, seen } = quiet({
    stop: (ctx) => ctx.cancelReceiveTimeout(),
    other: (ctx) => ctx.setReceiveTimeout(30, 'other quiet'),
  });
  await clock.advance(50);
  ref.tell('other');
  await clock.advance(30);
  expect(seen).toEqual(['other 50', 'other quiet 80']);
  ref.tell('stop');
  await clock.advance(1_000);
  expect(seen).toEqual(['other 50', 'other quiet 80', 'stop 80']);
  expect(clock.pending).toBe(0);
});

test('is silent when its incarnation is over, and the next one sets its own', async () => {
  const { clock, system, ref, seen } = quiet({
    crash: () => {
      throw new RangeError('broken');
    },
  });
  await clock.advance(50);
  ref.tell('crash');
  await clock.advance(109);
  expect(seen).toEqual(['crash 50']);
  await clock.advance(1);
  expect(seen).toEqual(['crash 50', 'quiet 160']);
  await system.stop(ref);
  expect(clock.pending).toBe(0);
});

test('less than a millisecond is refused', async () => {
  const { clock, system, ref } = quiet({ none: (ctx) => ctx.setReceiveTimeout(0, 'never') });
  ref.tell('none');
  await clock.settle();
  expect(system.deadLetters.recent()).toMatchObject([{ error: { code: 'INVALID_ARGUMENT' } }]);
});
