import { afterEach, describe, expect, test } from 'vitest';
import { ActorSystem, type Ref, type ReplyTo } from '../../../src/actor/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { Border } from '../../../src/thread/border.ts';

const systems: ActorSystem[] = [];
afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.shutdown()));
});

/** Two sides in one thread, each with actors of its own; `log` has what crossed. */
function sides(): { a: ActorSystem; there: Border; here: Border; log: string[] } {
  const [a, b] = [new ActorSystem(), new ActorSystem()];
  systems.push(a, b);
  const log: string[] = [];
  const side = (system: ActorSystem, other: () => Border): Border =>
    new Border({
      clock: systemClock,
      note: async (name, value) => {
        log.push(name);
        const told = structuredClone(value);
        setImmediate(() => other().serve[name as 'tell'](told));
      },
      spawn: (factory, options) => system.spawn(factory, options),
    });
  const here: Border = side(a, () => there);
  const there: Border = side(b, () => here);
  return { a, here, there, log };
}

describe('a border', () => {
  test('leaves data as it is, cycles too', () => {
    const { here, there } = sides();
    const data: { at: Date; list: unknown[]; self?: unknown } = {
      at: new Date(1),
      list: [new Set([1]), new Map([['k', { deep: true }]])],
    };
    data.self = data;
    const crossed = there.in(structuredClone(here.out(data))) as typeof data;
    expect(crossed).toEqual(data);
    expect(crossed.self).toBe(crossed);
  });

  test('a ref crosses once, comes back as itself, and ends when its actor does', async () => {
    const { a, here, there } = sides();
    const heard: string[] = [];
    const own = a.spawn<string>(() => ({ receive: (text) => void heard.push(text) }));
    const cross = (): Ref<string> => there.in(structuredClone(here.out({ own }))) as never;
    const standIn = (cross() as unknown as { own: Ref<string> }).own;
    expect((cross() as unknown as { own: Ref<string> }).own).toBe(standIn);
    expect(here.in(structuredClone(there.out([standIn])))).toEqual([own]);
    standIn.tell('hello');
    await expect.poll(() => heard).toEqual(['hello']);
    await a.stop(own);
    await expect.poll(() => standIn.tell('late')).toBe(false);
  });

  test('an answer crosses once; who waits no longer is heard of', async () => {
    const { a, here, there, log } = sides();
    const asked: ReplyTo<number>[] = [];
    const answerer = a.spawn<ReplyTo<number>>(() => ({ receive: (reply) => void asked.push(reply) }));
    const first = answerer.ask<number>((reply) => reply);
    const second = answerer.ask<number>((reply) => reply, { timeoutMs: 30 });
    second.catch(() => undefined);
    await expect.poll(() => asked).toHaveLength(2);
    const [one, two] = there.in(structuredClone(here.out(asked))) as ReplyTo<number>[];
    expect(one!.deadline - systemClock.monotonic()).toBeGreaterThan(20_000);
    expect([one!.tell(7), one!.tell(8)]).toEqual([true, false]);
    expect(await first).toBe(7);
    await expect.poll(() => two!.signal.aborted).toBe(true);
    expect(two!.signal.reason).toMatchObject({ code: 'TIMEOUT' });
    expect(two!.tell(9)).toBe(false);
    expect(log).toEqual(['answer', 'lost']);
  });

  test('an asker that gave up before its question crossed is heard of behind it', async () => {
    const { a, here, there, log } = sides();
    const asked: ReplyTo<number>[] = [];
    const answerer = a.spawn<ReplyTo<number>>(() => ({ receive: (reply) => void asked.push(reply) }));
    await expect(answerer.ask<number>((reply) => reply, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const [late] = there.in(structuredClone(here.out(asked))) as ReplyTo<number>[];
    await expect.poll(() => late!.signal.aborted).toBe(true);
    expect(log).toEqual(['lost']);
  });

  test('refuses refs that it never gave away, and data that looks like one', () => {
    const { here } = sides();
    const forged = { '$troupe/crossing': ['ref back', 5, 0] };
    expect(() => here.in(forged)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    expect(() => here.out({ nested: [forged] })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
