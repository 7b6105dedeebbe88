import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { ReplyTo } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

interface Question {
  readonly reply: ReplyTo<string>;
}

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('ask', () => {
  test('gives the first answer; later ones are dropped', async () => {
    const { system } = virtualSystem();
    const results: boolean[] = [];
    const ref = system.spawn<Question>(() => ({
      receive({ reply }) {
        results.push(reply.tell('one'), reply.tell('two'), reply.fail(new TypeError('late')));
      },
    }));
    expect(await ref.ask<string>((reply) => ({ reply }))).toBe('one');
    expect(results).toEqual([true, false, false]);
  });

  test('rejects with what the answerer failed it with', async () => {
    const { system } = virtualSystem();
    const ref = system.spawn<Question>(() => ({
      receive({ reply }) {
        reply.fail(new RangeError('no'));
      },
    }));
    await expect(ref.ask((reply) => ({ reply }))).rejects.toThrow(new RangeError('no'));
  });

  test('times out exactly at its deadline, each at its own, and the default holds without one', async () => {
    const { system, clock } = virtualSystem({ limits: { askTimeoutMs: 1_000 } });
    const ref = system.spawn<Question>(() => ({ receive() {} }));
    const ended: string[] = [];
    const ask = (name: string, timeoutMs?: number): void => {
      const asked = ref.ask((reply) => ({ reply }), timeoutMs === undefined ? {} : { timeoutMs });
      void outcome(asked).then((error) =>
        ended.push(`${name} ${(error as { code: string }).code} ${clock.monotonic()}`),
      );
    };
    ask('short', 100);
    ask('default');
    await clock.advance(50);
    ask('short again', 100);
    await clock.advance(2_000);
    expect(ended).toEqual(['short TIMEOUT 100', 'short again TIMEOUT 150', 'default TIMEOUT 1000']);
  });

  test('an answer after the deadline changes nothing', async () => {
    const { system, clock } = virtualSystem();
    let kept: ReplyTo<string> | undefined;
    const ref = system.spawn<Question>(() => ({
      receive({ reply }) {
        kept = reply;
      },
    }));
    const asked = outcome(ref.ask((reply) => ({ reply }), { timeoutMs: 5 }));
    await clock.advance(5);
    expect(await asked).toMatchObject({ code: 'TIMEOUT', address: ref.path });
    expect(kept?.tell('late')).toBe(false);
  });

  test('is taken back by its signal, before and after it was sent', async () => {
    const { system, clock } = virtualSystem();
    let handled = 0;
    const ref = system.spawn<Question>(() => ({
      receive() {
        handled++;
      },
    }));
    const stop = new AbortController();
    const asked = outcome(ref.ask((reply) => ({ reply }), { signal: stop.signal }));
    await clock.settle();
    stop.abort();
    expect(await asked).toMatchObject({ code: 'CANCELLED' });
    expect(await outcome(ref.ask((reply) => ({ reply }), { signal: stop.signal }))).toMatchObject({
      code: 'CANCELLED',
    });
    await clock.settle();
    expect(handled).toBe(1);
  });

  test('leaves no listener on a signal that outlives it', async () => {
    const { system } = virtualSystem();
    const ref = system.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell('yes') }));
    const { signal } = new AbortController();
    await ref.ask((reply) => ({ reply }), { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('fails at once when the target is dead, and when it dies while the ask is open or waits', async () => {
    const { system, clock } = virtualSystem();
    const ref = system.spawn<Question>(() => ({ receive() {} }));
    const open = outcome(ref.ask((reply) => ({ reply })));
    await clock.settle();
    const waiting = outcome(ref.ask((reply) => ({ reply })));
    await system.stop(ref);
    const dead = outcome(ref.ask((reply) => ({ reply })));
    for (const asked of [open, waiting, dead]) expect(await asked).toMatchObject({ code: 'ACTOR_TERMINATED' });
    expect(clock.monotonic()).toBe(0);
  });

  test('fails at once with the cause when the handler crashes on its message, and others stay open', async () => {
    const { system, clock } = virtualSystem();
    let first = true;
    const ref = system.spawn<Question>(() => ({
      async receive({ reply }) {
        if (!first) {
          reply.tell('well');
          return;
        }
        first = false;
        throw new RangeError('broken');
      },
    }));
    const crashed = outcome(ref.ask((reply) => ({ reply })));
    const next = outcome(ref.ask((reply) => ({ reply })));
    await clock.settle();
    expect(await crashed).toMatchObject({ code: 'HANDLER_FAILED', cause: { message: 'broken' } });
    await clock.advance(200);
    expect(await next).toBe('well');
  });

  test('a message maker that throws rejects the ask and leaves nothing open', async () => {
    const { system } = virtualSystem({ limits: { openAsks: 1 } });
    const ref = system.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell('yes') }));
    for (let i = 0; i < 3; i++) {
      const asked = ref.ask(() => {
        throw new SyntaxError('maker');
      });
      await expect(asked).rejects.toThrow('maker');
    }
    expect(await ref.ask((reply) => ({ reply }))).toBe('yes');
  });

  test('more open asks than the limit are refused, and room comes back', async () => {
    const { system } = virtualSystem({ limits: { openAsks: 2 } });
    const door = gate();
    const ref = system.spawn<Question>(() => ({
      async receive({ reply }) {
        await door.opened;
        reply.tell('yes');
      },
    }));
    const asks = [1, 2, 3].map(() => outcome(ref.ask((reply) => ({ reply }))));
    expect(await asks[2]).toMatchObject({ code: 'OVERLOADED' });
    door.open();
    expect(await Promise.all(asks.slice(0, 2))).toEqual(['yes', 'yes']);
    expect(await ref.ask((reply) => ({ reply }))).toBe('yes');
  });

  test('a time-out that is no time is refused', async () => {
    const { system } = virtualSystem();
    const ref = system.spawn<Question>(() => ({ receive() {} }));
    for (const timeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(ref.ask((reply) => ({ reply }), { timeoutMs })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });

  test('after shutdown no timer is left behind', async () => {
    const { system, clock } = virtualSystem();
    const ref = system.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell('yes') }));
    await ref.ask((reply) => ({ reply }), { timeoutMs: 1_000 });
    await system.shutdown();
    expect(clock.pending).toBe(0);
  });
});
