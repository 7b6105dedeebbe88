import { describe, expect, test } from 'vitest';
import type { ActorContext, AskOptions, Ref, ReplyTo } from '../../../src/actor/index.ts';
import { gate, virtualSystem } from './setup.ts';

/** A question whose answerer does what it says. */
type Work = (ctx: ActorContext<Question>, reply: ReplyTo<unknown>) => void | Promise<void>;
interface Question {
  readonly reply: ReplyTo<unknown>;
  readonly work: Work;
}

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const code = async (promise: Promise<unknown>): Promise<unknown> =>
  ((await outcome(promise)) as { code?: string } | undefined)?.code;

function world() {
  const base = virtualSystem();
  const actor = (name: string): Ref<Question> =>
    base.system.spawn<Question>(() => ({ receive: ({ work, reply }, ctx) => work(ctx, reply) }), {
      name,
      restart: 'temporary',
    });
  const ask = (ref: Ref<Question>, work: Work, options?: AskOptions): Promise<unknown> =>
    ref.ask<unknown>((reply) => ({ reply, work }), options);
  return { ...base, ask, a: actor('a'), b: actor('b'), c: actor('c') };
}

const answer: Work = (_, reply) => void reply.tell('yes');
const silence: Work = () => {};

describe('an ask within another', () => {
  test('gets the deadline of the one it is for, and its own when that is sooner', async () => {
    const { a, b, clock, ask } = world();
    const deadlines: number[] = [];
    const note: Work = (_, reply) => {
      deadlines.push(reply.deadline);
      reply.tell('noted');
    };
    const work: Work = async (ctx, reply) => {
      await ask(b, note, { within: ctx });
      await ask(b, note, { within: ctx, timeoutMs: 10 });
      reply.tell('done');
    };
    await clock.advance(5);
    await ask(a, work, { timeoutMs: 100 });
    expect(deadlines).toEqual([105, 15]);
  });

  test('ends with the one it is for, down to the last, each at that one’s deadline', async () => {
    const { a, b, c, clock, ask } = world();
    const heard: unknown[] = [];
    const last: Work = (ctx, reply) => {
      void ctx;
      reply.signal.addEventListener('abort', () => heard.push(['signal', clock.monotonic()]));
    };
    const middle: Work = async (ctx) => void heard.push(['middle', await code(ask(c, last, { within: ctx }))]);
    const first: Work = async (ctx) => void heard.push(['first', await code(ask(b, middle, { within: ctx }))]);
    const asked = code(ask(a, first, { timeoutMs: 50 }));
    await clock.advance(50);
    expect(await asked).toBe('TIMEOUT');
    await clock.settle();
    expect(heard).toEqual([
      ['signal', 50],
      ['first', 'TIMEOUT'],
      ['middle', 'TIMEOUT'],
    ]);
  });

  test('is taken back with it', async () => {
    const { a, b, clock, ask } = world();
    const heard: unknown[] = [];
    const stop = new AbortController();
    const work: Work = async (ctx) => void heard.push(await code(ask(b, silence, { within: ctx })));
    const asked = code(ask(a, work, { signal: stop.signal }));
    await clock.settle();
    stop.abort();
    expect(await asked).toBe('CANCELLED');
    await clock.settle();
    expect(heard).toEqual(['CANCELLED']);
  });

  test('goes on when the one it was for has been answered', async () => {
    const { a, b, clock, ask } = world();
    const door = gate();
    const heard: unknown[] = [];
    const slow: Work = async (_, reply) => {
      await door.opened;
      reply.tell('late but well');
    };
    const work: Work = async (ctx, reply) => {
      const nested = ask(b, slow, { within: ctx });
      reply.tell('at once');
      heard.push(await nested);
    };
    expect(await ask(a, work, { timeoutMs: 10 })).toBe('at once');
    await clock.advance(20);
    door.open();
    await clock.settle();
    expect(heard).toEqual(['late but well']);
  });

  test('a message that was no ask hands nothing down, also when asks came before it', async () => {
    const { a, b, clock, ask } = world();
    const deadlines: number[] = [];
    const note: Work = (_, reply) => {
      deadlines.push(reply.deadline);
      reply.tell('noted');
    };
    void outcome(ask(a, silence, { timeoutMs: 7 }));
    const reply = {} as ReplyTo<unknown>;
    a.tell({ reply, work: async (ctx) => void (await ask(b, note, { within: ctx, timeoutMs: 1_000 })) });
    await clock.settle();
    expect(deadlines).toEqual([1_000]);
  });

  test('what is asked when the handler is over is for nobody', async () => {
    const { a, b, clock, ask } = world();
    const later = gate();
    const deadlines: number[] = [];
    const note: Work = (_, reply) => void deadlines.push(reply.deadline);
    const work: Work = (ctx) => void later.opened.then(() => outcome(ask(b, note, { within: ctx, timeoutMs: 1_000 })));
    void outcome(ask(a, work, { timeoutMs: 50 }));
    await clock.settle();
    later.open();
    await clock.settle();
    expect(deadlines).toEqual([1_000]);
  });

  test('ends with the incarnation that made it, and none can be made after', async () => {
    const { a, b, clock, ask, system } = world();
    const heard: unknown[] = [];
    let kept: ActorContext<Question> | undefined;
    const work: Work = (ctx) => {
      kept = ctx;
      void code(ask(b, silence, { within: ctx })).then((it) => heard.push(it));
    };
    void outcome(ask(a, work));
    await clock.settle();
    system.kill(a);
    await clock.settle();
    expect(heard).toEqual(['ACTOR_TERMINATED']);
    expect(await code(ask(b, answer, { within: kept! }))).toBe('ACTOR_TERMINATED');
  });

  test('leaves no timer, whatever its deadline was', async () => {
    const { a, b, clock, ask, system } = world();
    const work: Work = async (ctx, reply) => {
      await ask(b, answer, { within: ctx });
      reply.tell('done');
    };
    for (let i = 0; i < 10; i++) {
      await ask(a, work, { timeoutMs: 1_000 });
      await clock.advance(1.5);
    }
    // One for each length of time that was asked for: 1,000 ms and the default.
    expect(clock.pending).toBe(2);
    await system.shutdown();
    expect(clock.pending).toBe(0);
  });
});

test('what an answerer could not send isn’t handed back to its asker', async () => {
  const { system, clock } = virtualSystem();
  const dead = system.spawn<object>(() => ({ receive() {} }));
  await system.stop(dead);
  const crashes = system.spawn<object>(() => ({ receive: () => dead.offer({}) }), { restart: 'temporary' });
  const answers = system.spawn<{ reply: ReplyTo<unknown> }>(() => ({
    receive: ({ reply }) => dead.offer({}).catch((error: unknown) => void reply.fail(error)),
  }));
  const heard = [crashes.ask((reply) => ({ reply })), answers.ask((reply) => ({ reply }))].map((asked) =>
    asked.catch((error: unknown) => error),
  );
  await clock.settle();
  for (const error of heard)
    expect(await error).toMatchObject({ code: 'ACTOR_TERMINATED', address: dead.path, undelivered: undefined });
});

describe('the signal of an ask', () => {
  test('fires when the asker gives up, not when it has its answer; who looks late sees it fired', async () => {
    const { a, clock, ask } = world();
    const replies: ReplyTo<unknown>[] = [];
    const keep: Work = (_, reply) => void replies.push(reply);
    const answered = ask(a, keep);
    void outcome(ask(a, keep, { timeoutMs: 5 }));
    await clock.settle();
    const [first, second] = replies;
    expect(first!.signal.aborted).toBe(false);
    first!.tell('yes');
    await answered;
    await clock.advance(5);
    expect(first!.signal.aborted).toBe(false);
    expect(second!.signal.aborted).toBe(true);
    expect(second!.signal.reason).toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('a cycle of asks', () => {
  test('A asks B asks A: the last one hears of it at once, with who they are', async () => {
    const { a, b, clock, ask } = world();
    let found: unknown;
    const back: Work = async (ctx, reply) => {
      found = await outcome(ask(a, answer, { within: ctx }));
      reply.tell('went on without');
    };
    const work: Work = async (ctx, reply) => void reply.tell(await ask(b, back, { within: ctx }));
    expect(await ask(a, work)).toBe('went on without');
    expect(clock.monotonic()).toBe(0);
    expect(found).toMatchObject({ code: 'ASK_CYCLE', data: { cycle: `${b.path} > ${a.path} > ${b.path}` } });
  });

  test('of three, also when none of them was asked itself, and of one', async () => {
    const { a, b, c, clock, ask } = world();
    const heard: unknown[] = [];
    const reply = {} as ReplyTo<unknown>;
    const door = gate();
    const next =
      (ref: Ref<Question>): Work =>
      async (ctx) => {
        await door.opened;
        heard.push(await code(ask(ref, answer, { within: ctx })));
      };
    a.tell({ reply, work: next(b) });
    b.tell({ reply, work: next(c) });
    c.tell({ reply, work: next(a) });
    await clock.settle();
    door.open();
    await clock.settle();
    expect(heard.toSorted()).toEqual(['ASK_CYCLE', undefined, undefined]);
    const self: Work = async (ctx, own) => void own.tell(await code(ask(a, answer, { within: ctx })));
    expect(await ask(a, self)).toBe('ASK_CYCLE');
    expect(clock.monotonic()).toBe(0);
  });

  test('is none when the asker does not wait in its handler', async () => {
    const { a, b, clock, ask } = world();
    const back: Work = async (ctx, reply) => void reply.tell(await ask(a, answer, { within: ctx }));
    const heard: unknown[] = [];
    const work: Work = (ctx) => void ask(b, back, { within: ctx }).then((it) => heard.push(it));
    void outcome(ask(a, work));
    await clock.settle();
    expect(heard).toEqual(['yes']);
  });

  test('is none when the asker waits for something else by now', async () => {
    const { a, b, clock, ask } = world();
    const [inA, inB] = [gate(), gate()];
    const heard: unknown[] = [];
    const back: Work = async (ctx, reply) => {
      await inB.opened;
      reply.tell(await ask(a, answer, { within: ctx }));
    };
    const reply = {} as ReplyTo<unknown>;
    a.tell({ reply, work: (ctx) => void ask(b, back, { within: ctx }).then((it) => heard.push(it)) });
    a.tell({ reply, work: () => inA.opened });
    await clock.settle();
    inB.open();
    await clock.settle();
    inA.open();
    await clock.settle();
    expect(heard).toEqual(['yes']);
  });

  test('is none when the other one has the question behind it and answers from elsewhere', async () => {
    const { a, b, clock, ask } = world();
    const heard: unknown[] = [];
    const later = gate();
    const reply = {} as ReplyTo<unknown>;
    const fromElsewhere: Work = (_, own) => void later.opened.then(() => own.tell('from elsewhere'));
    a.tell({ reply, work: async (ctx) => void heard.push(await outcome(ask(b, fromElsewhere, { within: ctx }))) });
    await clock.settle();
    b.tell({ reply, work: async (ctx) => void heard.push(await outcome(ask(a, answer, { within: ctx }))) });
    await clock.settle();
    later.open();
    await clock.settle();
    expect(heard).toEqual(['from elsewhere', 'yes']);
  });
});

describe('what looks like a cycle', () => {
  const reply = {} as ReplyTo<unknown>;

  test('is none when the one that closes it does not wait', async () => {
    const { a, b, clock, ask } = world();
    const heard: unknown[] = [];
    const note = (it: unknown): void => void heard.push(it);
    const door = gate();
    b.tell({ reply, work: () => door.opened });
    b.tell({ reply, work: (ctx) => void outcome(ask(a, answer, { within: ctx })).then(note) });
    a.tell({ reply, work: async (ctx) => note(await outcome(ask(b, answer, { within: ctx }))) });
    await clock.settle();
    door.open();
    await clock.settle();
    expect(heard).toEqual(['yes', 'yes']);
  });

  test('is none when one in the middle has the question behind it', async () => {
    const { a, b, c, clock, ask } = world();
    const heard: unknown[] = [];
    const [elsewhere, inC] = [gate(), gate()];
    const waitFor =
      (ref: Ref<Question>, work: Work): Work =>
      async (ctx) =>
        void heard.push(await outcome(ask(ref, work, { within: ctx })));
    c.tell({
      reply,
      work: async (ctx, own) => {
        await inC.opened;
        await waitFor(a, answer)(ctx, own);
      },
    });
    a.tell({ reply, work: waitFor(b, (_, own) => void elsewhere.opened.then(() => own.tell('from elsewhere'))) });
    await clock.settle();
    b.tell({ reply, work: waitFor(c, answer) });
    await clock.settle();
    inC.open();
    await clock.settle();
    elsewhere.open();
    await clock.settle();
    expect(heard).toEqual(['from elsewhere', 'yes', 'yes']);
  });
});

describe('forward', () => {
  test('the answer reaches the asker, who hears of the new one’s end and not of the old one’s', async () => {
    const { a, b, clock, ask, system } = world();
    const forwardTo =
      (work: Work): Work =>
      (ctx, reply) =>
        void ctx.forward(b, { reply, work });
    const replies: ReplyTo<unknown>[] = [];
    const answered = ask(
      a,
      forwardTo((_, reply) => void replies.push(reply)),
    );
    const lost = code(ask(a, forwardTo(silence)));
    await clock.settle();
    await system.stop(a);
    replies[0]!.tell('from b');
    expect(await answered).toBe('from b');
    await system.stop(b);
    expect(await lost).toBe('ACTOR_TERMINATED');
    expect(clock.monotonic()).toBe(0);
  });

  test('a crash of who handed it on, or of the new one on it, is told rightly', async () => {
    const { a, b, clock, ask } = world();
    const fail = (): never => {
      throw new RangeError('broken');
    };
    const kept = ask(a, (ctx, reply) => {
      ctx.forward(b, { reply, work: answer });
      fail();
    });
    expect(await kept).toBe('yes');
    const { a: a2, b: b2, ask: ask2 } = world();
    expect(await code(ask2(a2, (ctx, reply) => void ctx.forward(b2, { reply, work: fail })))).toBe('HANDLER_FAILED');
    await clock.settle();
  });

  test('to one that is dead it fails at once; a plain message is simply told', async () => {
    const { a, b, c, clock, ask, system } = world();
    await system.stop(b);
    const told: boolean[] = [];
    const work: Work = (ctx, reply) => void told.push(ctx.forward(b, { reply, work: silence }));
    expect(await code(ask(a, work))).toBe('ACTOR_TERMINATED');
    let reached = 0;
    const reply = {} as ReplyTo<unknown>;
    const reach: Work = () => void reached++;
    a.tell({ reply, work: (ctx) => void told.push(ctx.forward(c, { reply, work: reach })) });
    await clock.settle();
    expect(told).toEqual([false, true]);
    expect(reached).toBe(1);
  });
});
