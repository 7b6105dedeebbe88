import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ActorContext, Behavior, Ref, ReplyTo, SpawnOptions } from '../../../../src/actor/index.ts';
import { TroupeError } from '../../../../src/core/index.ts';
import { DEFAULT_LINK_LIMITS } from '../../../../src/remote/index.ts';
import { type ActorNode, World } from './world.ts';

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

type Question = { readonly reply: ReplyTo<unknown>; readonly [more: string]: unknown };

interface Pair {
  readonly world: World;
  readonly a: ActorNode;
  readonly b: ActorNode;
  /** The actor on b, as a sees it. */
  readonly far: Ref<Question>;
}

/** Two nodes, and an actor on the second that does what the test says. */
async function pair(
  receive: (question: Question, ctx: ActorContext<Question>) => void | Promise<void>,
  options: SpawnOptions<Question> = {},
): Promise<Pair> {
  const world = new World();
  const [a, b] = [await world.join('a'), await world.join('b')];
  b.actors.spawn<Question>(() => ({ receive }), { name: 'far', restart: 'temporary', ...options });
  return { world, a, b, far: await world.settle(a.actors.find<Question>('b', 'far')) };
}

/** What becomes of an ask, a moment later. */
function outcome(ask: Promise<unknown>): { code?: string; value?: unknown; message?: string } {
  const seen: { code?: string; value?: unknown; message?: string } = {};
  ask.then(
    (value) => {
      seen.value = value;
    },
    (error: TroupeError) => Object.assign(seen, { code: error.code, message: error.message }),
  );
  return seen;
}

/** A lane that is full soon. */
const narrow = {
  lanes: {
    ...DEFAULT_LINK_LIMITS.lanes,
    user: {
      ...DEFAULT_LINK_LIMITS.lanes.user,
      heldMessagesHigh: 4,
      heldMessagesMax: 20,
      creditMessages: 5,
      messageBytesMax: 1_000,
    },
  },
  receiptMessages: 1,
};

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

  test('never reaches a newcomer: not who takes its name, not who has its number in the next life of its node', async () => {
    const { world, a, b, far } = await pair(({ reply }) => void reply.tell('first'));
    expect(await world.settle(far.ask((reply) => ({ reply })))).toBe('first');
    const near = b.actors.system.find<Question>('far') as Ref<Question>;
    await world.settle(b.actors.system.stop(near));
    b.actors.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell('second') }), { name: 'far' });
    const dead = outcome(far.ask((reply) => ({ reply })));
    await world.clock.advance(100);
    expect(dead.code).toBe('ACTOR_TERMINATED');
    await world.kill(b);
    const next = await world.join('b');
    const third = next.actors.spawn<Question>(() => ({ receive: ({ reply }) => void reply.tell('third') }), {
      name: 'far',
    });
    expect(third.path).toBe(near.path);
    const lost = outcome(far.ask((reply) => ({ reply })));
    await world.clock.settle();
    expect(lost.code).toBe('NODE_UNAVAILABLE');
    expect(far.tell({ reply: undefined as never })).toBe(false);
    const found = await world.settle(a.actors.find<Question>('b', 'far'));
    expect(await world.settle(found.ask((reply) => ({ reply })))).toBe('third');
    await world.close();
  });

  test('is one and the same however often it comes', async () => {
    const { world, a, far } = await pair(() => undefined);
    expect(await world.settle(a.actors.find('b', 'far'))).toBe(far);
    expect(a.actors.refOf(a.actors.addressOf(far))).toBe(far);
    await world.close();
  });

  test('is a text where there are no actors', async () => {
    const { world, a, b, far } = await pair(() => undefined);
    const near = b.actors.system.find('far') as Ref<unknown>;
    expect(JSON.stringify([far, near])).toBe(JSON.stringify([a.actors.addressOf(far), near.path]));
    await world.close();
  });

  test('survives restarts of its actor', async () => {
    const { world, far } = await pair(
      ({ reply, crash }) => {
        if (crash === true) throw new TypeError('once');
        reply.tell('alive');
      },
      { restart: 'permanent' },
    );
    const crashed = outcome(far.ask((reply) => ({ reply, crash: true })));
    await world.clock.advance(500);
    expect(crashed).toEqual({ code: 'HANDLER_FAILED', message: 'once' });
    expect(await world.settle(far.ask((reply) => ({ reply })))).toBe('alive');
    await world.close();
  });

  test('of an actor that a node has not, or a node that is none, is not found', async () => {
    const { world, a } = await pair(() => undefined);
    for (const [node, name, code] of [
      ['b', 'nobody', 'NOT_FOUND'],
      ['a', 'nobody', 'NOT_FOUND'],
      ['z', 'far', 'NOT_FOUND'],
    ] as const) {
      const found = outcome(a.actors.find(node, name));
      await world.clock.advance(100);
      expect(found.code).toBe(code);
    }
    expect(() => a.actors.refOf('nonsense')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    await world.close();
  });
});

describe('an ask to an actor on another node', () => {
  test('fails at once with what keeps it from being answered', async () => {
    const { world, b, far } = await pair(({ reply, how }) => {
      if (how === 'throw') throw new RangeError('too far');
      if (how === 'refuse') reply.fail(new TroupeError('NOT_FOUND', 'no such thing'));
    });
    const refused = outcome(far.ask((reply) => ({ reply, how: 'refuse' })));
    await world.clock.advance(50);
    expect(refused).toEqual({ code: 'NOT_FOUND', message: 'no such thing' });
    const pending = outcome(far.ask((reply) => ({ reply, how: 'wait' })));
    const thrown = outcome(far.ask((reply) => ({ reply, how: 'throw' })));
    await world.clock.advance(50);
    expect(thrown).toEqual({ code: 'HANDLER_FAILED', message: 'too far' });
    expect(pending.code).toBe('ACTOR_TERMINATED');
    expect(b.actors.system.deadLetters.count).toBe(1);
    const dead = outcome(far.ask((reply) => ({ reply })));
    await world.clock.advance(50);
    expect(dead.code).toBe('ACTOR_TERMINATED');
    await world.close();
  });

  test('fails at once when the node is lost, and so does every later one', async () => {
    const { world, b, far } = await pair(() => undefined);
    const pending = outcome(far.ask((reply) => ({ reply }), { timeoutMs: 60_000 }));
    await world.clock.advance(100);
    await world.kill(b, 'no sign of life');
    expect(pending).toEqual({ code: 'NODE_UNAVAILABLE', message: 'no sign of life' });
    const later = outcome(far.ask((reply) => ({ reply })));
    await world.clock.settle();
    expect(later.code).toBe('NODE_UNAVAILABLE');
    await world.close();
  });

  test('hands its deadline down, and its end by time-out or signal', async () => {
    const lefts: number[] = [];
    const ends: string[] = [];
    const { world, b, far } = await pair((question) => {
      const { reply } = question;
      lefts.push(Math.round(reply.deadline - world.clock.monotonic()));
      reply.signal.addEventListener('abort', () => ends.push((reply.signal.reason as TroupeError).code));
    });
    world.network.delayMs = 20;
    const patience = new AbortController();
    const slow = outcome(far.ask((reply) => ({ reply }), { timeoutMs: 1_000 }));
    const taken = outcome(far.ask((reply) => ({ reply }), { timeoutMs: 5_000, signal: patience.signal }));
    await world.clock.advance(500);
    expect(lefts).toHaveLength(2);
    expect(lefts[0]).toBeLessThanOrEqual(1_000);
    expect(lefts[1]).toBeGreaterThan(4_000);
    patience.abort();
    await world.clock.advance(100);
    expect([taken.code, ends]).toEqual(['CANCELLED', ['CANCELLED']]);
    await world.clock.advance(500);
    expect(slow.code).toBe('TIMEOUT');
    expect(ends).toHaveLength(2);
    expect(b.actors.system.deadLetters.count).toBe(0);
    await world.close();
  });

  test('ends for whoever answers it when the node of the asker is lost', async () => {
    const signals: AbortSignal[] = [];
    const { world, a, far } = await pair(({ reply }) => void signals.push(reply.signal));
    far.ask((reply) => ({ reply }), { timeoutMs: 60_000 }).catch(() => undefined);
    const near = a.actors.spawn<Question>(() => ({ receive: ({ reply }) => void far.tell({ reply }) }));
    near.ask((reply) => ({ reply }), { timeoutMs: 60_000 }).catch(() => undefined);
    await world.clock.advance(100);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    await world.kill(a);
    expect(signals.map(({ reason }) => (reason as TroupeError).code)).toEqual(['NODE_UNAVAILABLE', 'NODE_UNAVAILABLE']);
    await world.close();
  });

  test('that could not be sent is nothing to the other node', async () => {
    const { world, a, far } = await pair(() => undefined);
    const sent: string[] = [];
    const send = a.links.send.bind(a.links);
    a.links.send = (peer, lane, envelope) => {
      sent.push(envelope.kind);
      return send(peer, lane, envelope);
    };
    const odd = outcome(far.ask((reply) => [reply, Symbol('odd')] as never));
    await world.clock.advance(100);
    expect([odd.code, sent]).toEqual(['INVALID_ARGUMENT', []]);
    await world.close();
  });

  test('made within a handler has no longer than the ask that it is for', async () => {
    const { world, a, far } = await pair(() => undefined);
    const middle = a.actors.spawn<Question>(() => ({
      receive: async (question, ctx) => {
        await far.ask((reply) => ({ reply }), { within: ctx, timeoutMs: 60_000 }).catch(question.reply.fail);
      },
    }));
    const asked = outcome(middle.ask((reply) => ({ reply }), { timeoutMs: 300 }));
    await world.clock.advance(400);
    expect(asked.code).toBe('TIMEOUT');
    const next = outcome(middle.ask((reply) => ({ reply }), { timeoutMs: 300 }));
    await world.clock.advance(400);
    expect(next.code).toBe('TIMEOUT');
    await world.close();
  });

  test("can be forwarded to an actor of a third node, whose answer, crash or loss is the ask's", async () => {
    const world = new World();
    const [a, b, c] = [await world.join('a'), await world.join('b'), await world.join('c')];
    c.actors.spawn<Question>(
      () => ({
        receive({ reply, how }) {
          if (how === 'answer') reply.tell('from c');
          if (how === 'throw') throw new TypeError('in c');
        },
      }),
      { name: 'last', restart: 'permanent' },
    );
    const last = await world.settle(b.actors.find<Question>('c', 'last'));
    b.actors.spawn<Question>(() => ({ receive: (question, ctx) => void ctx.forward(last, question) }), {
      name: 'middle',
    });
    const middle = await world.settle(a.actors.find<Question>('b', 'middle'));
    const ask = (how: string): ReturnType<typeof outcome> => outcome(middle.ask((reply) => ({ reply, how })));
    const [answer, thrown, none] = [ask('answer'), ask('throw'), ask('none')];
    await world.clock.advance(1_000);
    expect(answer.value).toBe('from c');
    expect(thrown).toEqual({ code: 'HANDLER_FAILED', message: 'in c' });
    expect(none).toEqual({});
    await world.kill(c);
    await world.clock.advance(100);
    expect(none.code).toBe('NODE_UNAVAILABLE');
    await world.close();
  });

  test('can be answered by whoever was given the place for the answer, and by nobody once it is answered', async () => {
    const { world, a, far } = await pair(({ reply, value }) => {
      (reply as ReplyTo<unknown>).signal.addEventListener('abort', () => undefined);
      if (value !== undefined) reply.tell(value);
      else kept.push(reply);
    });
    const kept: ReplyTo<unknown>[] = [];
    const middle = a.actors.spawn<Question>(() => ({
      receive({ reply, value }) {
        far.tell({ reply, value });
      },
    }));
    expect(await world.settle(middle.ask((reply) => ({ reply, value: 7 })))).toBe(7);
    const given = outcome(middle.ask((reply) => ({ reply }), { timeoutMs: 200 }));
    await world.clock.advance(100);
    expect(kept).toHaveLength(1);
    expect(given).toEqual({});
    await world.clock.advance(200);
    expect(given.code).toBe('TIMEOUT');
    expect(kept[0]?.signal.aborted).toBe(true);
    expect(kept[0]?.tell('late')).toBe(false);
    await world.close();
  });
});

describe('mail for an actor on another node', () => {
  test('waits for a node that this one has not heard of yet, in order', async () => {
    const world = new World();
    const a = await world.join('a');
    world.lag(a);
    const b = await world.join('b');
    const got: unknown[] = [];
    const near = b.actors.spawn<unknown>(() => ({ receive: (message) => void got.push(message) }));
    const hello = a.actors.spawn<Ref<unknown>>(
      () => ({
        receive(ref) {
          for (let i = 0; i < 5; i++) ref.tell(i);
        },
      }),
      { name: 'hello' },
    );
    b.actors.refOf<Ref<unknown>>(a.actors.addressOf(hello)).tell(near);
    await world.clock.advance(1_000);
    expect(got).toEqual([]);
    world.catchUp(a);
    await world.clock.advance(100);
    expect(got).toEqual([0, 1, 2, 3, 4]);
    await world.close();
  });

  test('that has waited for such a node and is too large then is a dead letter, and its ask fails', async () => {
    const world = new World();
    const a = await world.join('a', { linkLimits: narrow });
    world.lag(a);
    const b = await world.join('b');
    const near = b.actors.spawn<unknown>(() => ({ receive: () => undefined }));
    const far = a.actors.refOf<unknown>(b.actors.addressOf(near));
    expect(far.tell('x'.repeat(2_000))).toBe(true);
    const asked = outcome(far.ask((reply) => ['x'.repeat(2_000), reply]));
    await world.clock.advance(100);
    expect([asked.code, a.actors.system.deadLetters.count]).toEqual([undefined, 0]);
    world.catchUp(a);
    await world.clock.advance(100);
    expect([asked.code, a.actors.system.deadLetters.count]).toEqual(['MESSAGE_TOO_LARGE', 1]);
    await world.close();
  });

  test('is refused when the way is full, as a dead letter; offer waits for room', async () => {
    const world = new World();
    const [a, b] = [await world.join('a', { linkLimits: narrow }), await world.join('b', { linkLimits: narrow })];
    const got: unknown[] = [];
    b.actors.spawn<unknown>(() => ({ receive: (message) => void got.push(message) }), { name: 'far' });
    const far = await world.settle(a.actors.find<unknown>('b', 'far'));
    world.network.cut('a', 'b');
    const taken = Array.from({ length: 25 }, (_, i) => far.tell(i));
    expect(taken.filter(Boolean)).toHaveLength(20);
    expect(a.actors.system.deadLetters.recent()).toMatchObject(
      [20, 21, 22, 23, 24].map((message) => ({ message, reason: 'overflow', error: { code: 'OVERLOADED' } })),
    );
    const offers = Promise.all(Array.from({ length: 100 }, (_, i) => far.offer(100 + i)));
    await world.clock.advance(1_000);
    expect(got).toEqual([]);
    world.network.heal();
    await world.settle(offers);
    await world.clock.advance(1_000);
    expect(got).toHaveLength(120);
    expect(far.tell('x'.repeat(2_000))).toBe(false);
    const large = outcome(far.ask((reply) => ['x'.repeat(2_000), reply]));
    const odd = outcome(far.ask((reply) => [Symbol('odd'), reply]));
    await world.clock.settle();
    expect([large.code, odd.code]).toEqual(['MESSAGE_TOO_LARGE', 'INVALID_ARGUMENT']);
    const tooLarge = 'x'.repeat(2_000);
    await expect(far.offer(tooLarge)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE', undelivered: tooLarge });
    expect(a.actors.system.deadLetters.recent().at(-1)).toMatchObject({ reason: 'unreachable' });
    await world.close();
  });

  test('waits at an actor with back pressure, and its senders with it', async () => {
    const world = new World();
    const [a, b] = [await world.join('a', { linkLimits: narrow }), await world.join('b', { linkLimits: narrow })];
    const got: unknown[] = [];
    b.actors.spawn<unknown>(
      () => ({
        receive: async (message) => {
          await new Promise<void>((resolve) => world.clock.schedule(10, resolve));
          got.push(message);
        },
      }),
      { name: 'slow', mailbox: { capacity: 2, overflow: 'backpressure' } },
    );
    const slow = await world.settle(a.actors.find<unknown>('b', 'slow'));
    let sent = 0;
    const sending = (async () => {
      for (; sent < 60; sent++) await slow.offer(sent);
    })();
    await world.clock.advance(100);
    expect(sent).toBeLessThan(30);
    await world.settle(sending);
    await world.clock.advance(2_000);
    expect(got).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(b.actors.system.deadLetters.count).toBe(0);
    await world.close();
  });

  test('that a lost node had not acknowledged becomes dead letters, once, in order', async () => {
    const { world, a, b, far } = await pair(() => undefined);
    world.network.hole('a', 'b');
    for (let i = 0; i < 1_200; i++) expect((far as Ref<unknown>).tell({ i, far })).toBe(true);
    const asked = outcome(far.ask((reply) => ({ reply })));
    await world.clock.advance(500);
    await world.kill(b);
    const letters = a.actors.system.deadLetters;
    expect(letters.count).toBe(1_200);
    expect(letters.recent().at(-1)).toMatchObject({ message: { i: 1_199, far }, to: far.path, reason: 'unreachable' });
    expect(asked.code).toBe('NODE_UNAVAILABLE');
    await world.close();
  });

  test('is checked where it arrives, if the actor has a schema; it gets what that makes of it', async () => {
    const got: unknown[] = [];
    const reply = z.custom<ReplyTo<unknown>>((value) => typeof (value as ReplyTo<unknown>)?.tell === 'function');
    const schema = z.object({ reply: reply.optional(), n: z.coerce.number().max(9) });
    const { world, b, far } = await pair(
      (question) => {
        got.push(question);
        question.reply?.tell('taken');
      },
      { schema },
    );
    const odd = far as Ref<unknown>;
    for (const message of [{ n: '3', more: 1 }, { n: 10 }, 'nothing like it']) odd.tell(message);
    const asked = outcome(odd.ask((to) => ({ n: 4, reply: to })));
    const refused = outcome(odd.ask((to) => ({ n: 11, reply: to })));
    await world.clock.advance(100);
    expect(got).toMatchObject([{ n: 3 }, { n: 4 }]);
    expect(got[0]).not.toHaveProperty('more');
    expect([asked.value, refused.code]).toEqual(['taken', 'SCHEMA_MISMATCH']);
    const letters = b.actors.system.deadLetters.recent().map(({ message, reason }) => [message, reason]);
    expect(letters).toEqual([
      [{ n: 10 }, 'unfit'],
      ['nothing like it', 'unfit'],
    ]);
    await world.close();
  });

  test('for an actor that is dead becomes a dead letter there', async () => {
    const { world, b, far } = await pair((_question, ctx) => ctx.stopSelf());
    for (let i = 0; i < 3; i++) (far as Ref<unknown>).tell(i);
    await world.clock.advance(100);
    (far as Ref<unknown>).tell(3);
    await world.clock.advance(100);
    const letters = b.actors.system.deadLetters.recent().map(({ message, reason }) => [message, reason]);
    expect(letters.at(-1)).toEqual([3, 'terminated']);
    await world.close();
  });

  test('of an actor of another system is refused', async () => {
    const { world, far } = await pair(() => undefined);
    const { ActorSystem } = await import('../../../../src/actor/index.ts');
    const stranger = new ActorSystem({ clock: world.clock }).spawn(() => ({ receive() {} }));
    expect((far as Ref<unknown>).tell({ stranger })).toBe(false);
    await world.close();
  });
});
