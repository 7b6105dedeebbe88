import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplyTo } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

/** An actor whose handler waits at a shut gate at the message `slow`. */
function slowActor() {
  const world = virtualSystem();
  const door = gate();
  const log: string[] = [];
  const ref = world.system.spawn<string>(() => ({
    async receive(message, ctx) {
      log.push(message);
      if (message === 'stash') ctx.stash('stashed');
      if (message === 'crash') throw new TypeError('crash');
      if (message !== 'slow') return;
      ctx.signal.addEventListener('abort', () => log.push('signal'));
      await door.opened;
      log.push('settled');
    },
    stop: (_ctx, reason) => void log.push(`hook ${reason}`),
  }));
  return { ...world, door, log, ref };
}

describe('extract', () => {
  test('lets the message being handled finish, then gives the rest in order, and nothing is a dead letter', async () => {
    const { system, clock, door, log, ref } = slowActor();
    for (const message of ['stash', 'slow', 'b', 'c']) ref.tell(message);
    await clock.settle();
    const ends: string[] = [];
    system.watch(ref, ({ reason }) => ends.push(reason));
    const extracted = system.extract(ref, { timeoutMs: 1_000 });
    expect(ref.tell('late')).toBe(false);
    await clock.settle();
    door.open();
    expect(await extracted).toEqual({ messages: ['stashed', 'b', 'c'] });
    await clock.settle();
    expect(log).toEqual(['stash', 'slow', 'settled', 'signal', 'hook extracted']);
    expect(ends).toEqual(['extracted']);
    expect(system.deadLetters.recent().map((letter) => letter.message)).toEqual(['late']);
    expect(clock.pending).toBe(0);
  });

  test('cuts a handler off at the time limit: its signal fires and its message comes first', async () => {
    const { system, clock, door, log, ref } = slowActor();
    for (const message of ['slow', 'b']) ref.tell(message);
    await clock.settle();
    const extracted = system.extract(ref, { timeoutMs: 1_000 });
    await clock.advance(999);
    expect(log).toEqual(['slow']);
    await clock.advance(1);
    expect(await extracted).toEqual({ messages: ['slow', 'b'] });
    expect(log).toEqual(['slow', 'signal']);
    door.open();
    await clock.settle();
    expect(system.deadLetters.count).toBe(0);
  });

  test('late messages are handed over in order, also after the end, and count as told', async () => {
    const { system, clock, door, ref } = slowActor();
    ref.tell('slow');
    await clock.settle();
    const late: string[] = [];
    const extracted = system.extract(ref, { onLate: (message) => late.push(message) });
    expect(ref.tell('x')).toBe(true);
    door.open();
    await extracted;
    expect(ref.tell('y')).toBe(true);
    await ref.offer('z');
    expect(late).toEqual(['x', 'y', 'z']);
    expect(system.deadLetters.count).toBe(0);
  });

  test('an ask moves with its message and can still be answered; one whose message was handled fails', async () => {
    const { system, clock } = virtualSystem();
    const door = gate();
    const ref = system.spawn<{ reply: ReplyTo<string> }>(() => ({ receive: () => door.opened }));
    const handled = ref.ask<string>((reply) => ({ reply })).catch((error: unknown) => error);
    await clock.settle();
    const moved = ref.ask<string>((reply) => ({ reply }));
    const late: { reply: ReplyTo<string> }[] = [];
    const extracted = system.extract(ref, { onLate: (message) => late.push(message) });
    const lateAsk = ref.ask<string>((reply) => ({ reply }));
    door.open();
    const { messages } = await extracted;
    expect(await handled).toMatchObject({ code: 'ACTOR_TERMINATED' });
    messages[0]!.reply.tell('elsewhere');
    late[0]!.reply.tell('later');
    expect(await moved).toBe('elsewhere');
    expect(await lateAsk).toBe('later');
  });

  test('works before the first message, during a backoff, and gives nothing when dead or asked twice', async () => {
    const { system, clock, ref } = slowActor();
    const extractedNew = slowActor();
    extractedNew.ref.tell('a');
    expect(await extractedNew.system.extract(extractedNew.ref)).toEqual({ messages: ['a'] });
    expect(extractedNew.log).toEqual([]);
    for (const message of ['crash', 'b']) ref.tell(message);
    await clock.settle();
    expect(system.inspect(ref).status).toBe('waiting');
    const first = system.extract(ref);
    expect(await system.extract(ref)).toEqual({ messages: [] });
    expect(await first).toEqual({ messages: ['b'] });
    expect(await system.extract(ref)).toEqual({ messages: [] });
    expect(clock.pending).toBe(0);
  });

  test('a crash of the last message is its own dead letter and charges no restart', async () => {
    const restarts: unknown[] = [];
    const { system, clock } = virtualSystem({ onRestart: (event) => restarts.push(event) });
    const door = gate();
    const ref = system.spawn<string>(() => ({ receive: () => door.opened }));
    ref.tell('a');
    ref.tell('b');
    await clock.settle();
    const extracted = system.extract(ref);
    door.break(new TypeError('no'));
    expect(await extracted).toEqual({ messages: ['b'] });
    expect(system.deadLetters.recent()).toMatchObject([{ message: 'a', reason: 'crashed' }]);
    expect(restarts).toEqual([]);
  });

  test('an actor that is killed meanwhile hands its mail over and does not come back', async () => {
    const { system, clock, ref } = slowActor();
    for (const message of ['slow', 'b']) ref.tell(message);
    await clock.settle();
    const extracted = system.extract(ref, { timeoutMs: 60_000 });
    const ends: string[] = [];
    system.watch(ref, ({ reason }) => ends.push(reason));
    system.kill(ref);
    expect(await extracted).toEqual({ messages: ['slow', 'b'] });
    await clock.advance(1_000);
    expect(system.inspect(ref).status).toBe('dead');
    expect(ends).toEqual(['extracted']);
  });

  test('after shutdown an ask that moved away and was never answered fails', async () => {
    const { system } = virtualSystem();
    const ref = system.spawn<{ reply: ReplyTo<string> }>(() => ({ receive() {} }));
    const asked = ref.ask<string>((reply) => ({ reply })).catch((error: unknown) => error);
    await system.extract(ref);
    await system.shutdown();
    expect(await asked).toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('a shutdown that does not wait for it still hands the mail over', async () => {
    const { system, clock, ref } = slowActor();
    for (const message of ['slow', 'b']) ref.tell(message);
    await clock.settle();
    const extracted = system.extract(ref, { timeoutMs: 60_000 });
    const down = system.shutdown(100);
    await clock.advance(100);
    await down;
    expect(await extracted).toEqual({ messages: ['slow', 'b'] });
  });

  test('handled, moved and late together are everything that was sent, each once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), fc.nat(20), async (before, settleAt, after) => {
        const { system, clock } = virtualSystem();
        const handled: number[] = [];
        const late: number[] = [];
        const ref = system.spawn<number>(() => ({
          async receive(message) {
            for (let i = 0; i < message % 4; i++) await null;
            handled.push(message);
          },
        }));
        let sent = 0;
        while (sent < before) ref.tell(sent++);
        for (let i = 0; i < settleAt; i++) await null;
        const extracted = system.extract(ref, { onLate: (message) => late.push(message) });
        for (let i = 0; i < after; i++) ref.tell(sent++);
        await clock.settle();
        const { messages } = await extracted;
        expect([...handled, ...messages, ...late]).toEqual(Array.from({ length: sent }, (_, i) => i));
      }),
      { numRuns: 60 },
    );
  });
});
