import { describe, expect, test } from 'vitest';
import type { ActorContext, AskOptions, Ref, ReplyTo } from '../../../../src/actor/index.ts';
import { type ActorNode, World } from './world.ts';

/** A question whose answerer does what its name says, in the test's own table. */
interface Question {
  readonly reply: ReplyTo<unknown>;
  readonly work: string;
}
type Work = (ctx: ActorContext<Question>, reply: ReplyTo<unknown>) => void | Promise<void>;

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: { readonly code?: string }) => error.code);

/** Actors, each on the node of its first letter; each knows all the others. */
async function world(names: readonly string[], works: Record<string, Work>) {
  const cluster = new World();
  const nodes = new Map<string, ActorNode>();
  for (const letter of new Set(names.map((name) => name[0] as string)))
    nodes.set(letter, await cluster.join(`n${letter}`));
  const at = (name: string): ActorNode => nodes.get(name[0] as string) as ActorNode;
  const local = new Map(
    names.map((name) => [
      name,
      at(name).actors.spawn<Question>(() => ({ receive: ({ work, reply }, ctx) => works[work]?.(ctx, reply) }), {
        name,
        restart: 'temporary',
      }),
    ]),
  );
  /** The actor `to`, as the node of `from` sees it. */
  const refs = new Map<string, Ref<Question>>();
  for (const from of names)
    for (const to of names) {
      const own = at(from) === at(to);
      const found = own ? local.get(to) : await cluster.settle(at(from).actors.find<Question>(`n${to[0]}`, to));
      refs.set(`${from} ${to}`, found as Ref<Question>);
    }
  const ref = (from: string, to: string): Ref<Question> => refs.get(`${from} ${to}`) as Ref<Question>;
  const ask = (from: string, to: string, work: string, options?: AskOptions): Promise<unknown> =>
    ref(from, to).ask<unknown>((reply) => ({ reply, work }), options);
  const tell = (to: string, work: string): boolean =>
    (local.get(to) as Ref<Question>).tell({ reply: {} as ReplyTo<unknown>, work });
  return { cluster, at, ref, ask, tell, path: (name: string) => (local.get(name) as Ref<Question>).path };
}

/** Passes a question on to another actor, notes what came of that, and then answers whoever asked. */
const passing =
  (actors: () => Pick<Awaited<ReturnType<typeof world>>, 'ask'>, heard: unknown[]) =>
  (from: string, to: string, work: string): Work =>
  async (ctx, reply) => {
    heard.push([from, await code(actors().ask(from, to, work, { within: ctx }))]);
    reply.tell?.(`${from} is done`);
  };

const answer: Work = (_, reply) => void reply.tell('yes');

describe('a circle of asks over nodes', () => {
  test('A asks B asks A: the last one hears of it at once, with who they are', async () => {
    const heard: unknown[] = [];
    const works: Record<string, Work> = {
      answer,
      first: async (ctx, reply) => void reply.tell(await w.ask('a', 'b', 'back', { within: ctx })),
      back: async (ctx, reply) => {
        await w.ask('b', 'a', 'answer', { within: ctx }).catch((error) => heard.push(error));
        reply.tell('went on without');
      },
    };
    const w = await world(['a', 'b'], works);
    const began = w.cluster.clock.monotonic();
    expect(await w.cluster.settle(w.ask('a', 'a', 'first'))).toBe('went on without');
    const [a, b] = [`na#1${w.path('a')}`, `nb#2${w.path('b')}`];
    expect(heard).toMatchObject([{ code: 'ASK_CYCLE', data: { cycle: `${b} > ${a} > ${b}` } }]);
    expect(w.cluster.clock.monotonic() - began).toBeLessThan(1_000);
    await w.cluster.close();
  });

  test('of three on three nodes, begun by a message that was no ask; the others go on', async () => {
    const heard: unknown[] = [];
    const pass = passing(() => w, heard);
    const works: Record<string, Work> = {
      answer,
      inA: pass('a', 'b', 'inB'),
      inB: pass('b', 'c', 'inC'),
      inC: pass('c', 'a', 'answer'),
    };
    const w = await world(['a', 'b', 'c'], works);
    w.tell('a', 'inA');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual([
      ['c', 'ASK_CYCLE'],
      ['b', 'c is done'],
      ['a', 'b is done'],
    ]);
    await w.cluster.close();
  });

  test('that begins and ends between actors of one node, and one that leaves its beginning out', async () => {
    const heard: unknown[] = [];
    const pass = passing(() => w, heard);
    const works: Record<string, Work> = {
      answer,
      inA1: pass('a1', 'a2', 'inA2'),
      inA2: pass('a2', 'b', 'inB'),
      inB: pass('b', 'a3', 'inA3'),
      // A local ask that closes a circle over another node.
      inA3: pass('a3', 'a1', 'answer'),
      inC: pass('c', 'a1', 'inA1'),
    };
    const w = await world(['a1', 'a2', 'a3', 'b', 'c'], works);
    const circle = [
      ['a3', 'ASK_CYCLE'],
      ['b', 'a3 is done'],
      ['a2', 'b is done'],
      ['a1', 'a2 is done'],
    ];
    w.tell('a1', 'inA1');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual(circle);
    heard.length = 0;
    w.tell('c', 'inC');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual([...circle, ['c', 'a1 is done']]);
    await w.cluster.close();
  });

  test('is found behind who hands the question on', async () => {
    const heard: unknown[] = [];
    const works: Record<string, Work> = {
      answer,
      first: async (ctx) => void heard.push(await code(w.ask('a', 'b', 'hand on', { within: ctx }))),
      'hand on': (ctx, reply) => void ctx.forward(w.ref('b', 'c'), { reply, work: 'back' }),
      back: async (ctx, reply) => void reply.tell(await code(w.ask('c', 'a', 'answer', { within: ctx }))),
    };
    const w = await world(['a', 'b', 'c'], works);
    w.tell('a', 'first');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual(['ASK_CYCLE']);
    await w.cluster.close();
  });
});

describe('what looks like a circle over nodes', () => {
  test('is none when the first asker does not wait in its handler, or says not that it is the asker', async () => {
    const heard: unknown[] = [];
    const works: Record<string, Work> = {
      answer,
      aside: (ctx) => void w.ask('a', 'b', 'back', { within: ctx }).then((it) => heard.push(it)),
      elsewhere: () => void w.ask('a', 'b', 'back').then((it) => heard.push(it)),
      back: async (ctx, reply) => void reply.tell(await w.ask('b', 'a', 'answer', { within: ctx })),
    };
    const w = await world(['a', 'b'], works);
    w.tell('a', 'aside');
    w.tell('a', 'elsewhere');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual(['yes', 'yes']);
    await w.cluster.close();
  });

  test('is none when the first asker is busy with something else by then', async () => {
    const heard: unknown[] = [];
    const [inA, inB] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const works: Record<string, Work> = {
      answer,
      aside: (ctx) => void w.ask('a', 'b', 'back', { within: ctx }).then((it) => heard.push(it)),
      busy: () => inA.promise,
      back: async (ctx, reply) => {
        await inB.promise;
        reply.tell(await w.ask('b', 'a', 'answer', { within: ctx }));
      },
    };
    const w = await world(['a', 'b'], works);
    w.tell('a', 'aside');
    w.tell('a', 'busy');
    await w.cluster.clock.advance(100);
    inB.resolve();
    await w.cluster.clock.advance(100);
    expect(heard).toEqual([]);
    inA.resolve();
    await w.cluster.clock.advance(100);
    expect(heard).toEqual(['yes']);
    await w.cluster.close();
  });

  test('is none when one on the way, or the last, does not wait in its handler and answers by itself', async () => {
    const heard: unknown[] = [];
    let later = Promise.withResolvers<void>();
    const works: Record<string, Work> = {
      answer,
      inA: async (ctx) => void heard.push(await code(w.ask('a', 'b', 'inB', { within: ctx }))),
      inB: (ctx, reply) => {
        void code(w.ask('b', 'c', 'inC', { within: ctx })).then((it) => heard.push(['late', it]));
        void later.promise.then(() => reply.tell('b by itself'));
      },
      inC: async (ctx, reply) => void reply.tell(await code(w.ask('c', 'a', 'answer', { within: ctx }))),
      inA2: async (ctx) => void heard.push(await code(w.ask('a', 'b', 'last', { within: ctx }))),
      last: (ctx, reply) => {
        void code(w.ask('b', 'a', 'answer', { within: ctx })).then((it) => heard.push(['late', it]));
        void later.promise.then(() => reply.tell('b by itself'));
      },
    };
    const w = await world(['a', 'b', 'c'], works);
    for (const work of ['inA', 'inA2']) {
      later = Promise.withResolvers();
      w.tell('a', work);
      await w.cluster.clock.advance(100);
      expect(heard).toEqual([]);
      later.resolve();
      await w.cluster.clock.advance(100);
      expect(heard.splice(0)).toEqual(['b by itself', ['late', 'yes']]);
    }
    await w.cluster.close();
  });

  test('is none when one on the way has handed the question on', async () => {
    const heard: unknown[] = [];
    const later = Promise.withResolvers<void>();
    const works: Record<string, Work> = {
      answer,
      first: async (ctx) => void heard.push(await code(w.ask('a', 'b1', 'hand on', { within: ctx }))),
      'hand on': async (ctx, reply) => {
        const asked = code(w.ask('b1', 'c', 'back', { within: ctx }));
        ctx.forward(w.ref('b1', 'b2'), { reply, work: 'later' });
        heard.push(await asked);
      },
      later: async (_, reply) => {
        await later.promise;
        reply.tell('b2 by itself');
      },
      back: async (ctx, reply) => void reply.tell(await code(w.ask('c', 'a', 'answer', { within: ctx }))),
    };
    const w = await world(['a', 'b1', 'b2', 'c'], works);
    w.tell('a', 'first');
    await w.cluster.clock.advance(1_000);
    expect(heard).toEqual([]);
    later.resolve();
    await w.cluster.clock.advance(100);
    expect(heard).toEqual(['b2 by itself', 'yes']);
    await w.cluster.close();
  });

  test('is none where two who have nothing to do with it ask the same one', async () => {
    const heard: unknown[] = [];
    const works: Record<string, Work> = {
      answer,
      slow: async (_ctx, reply) => {
        await gate.promise;
        reply.tell('slow');
      },
      inA: async (ctx, reply) => void reply.tell(await w.ask('a', 'b', 'slow', { within: ctx })),
      inC: async (ctx, reply) => void reply.tell(await w.ask('c', 'a', 'answer', { within: ctx })),
    };
    const gate = Promise.withResolvers<void>();
    const w = await world(['a', 'b', 'c'], works);
    void w.ask('b', 'a', 'inA').then((it) => heard.push(it));
    await w.cluster.clock.advance(10);
    void w.ask('b', 'c', 'inC').then((it) => heard.push(it));
    await w.cluster.clock.advance(100);
    expect(heard).toEqual([]);
    gate.resolve();
    await w.cluster.clock.advance(100);
    expect(heard).toEqual(['slow', 'yes']);
    await w.cluster.close();
  });
});

describe('what is sent to find circles', () => {
  test('is nothing with plain asks, the asks above with others, and questions only where there may be a circle', async () => {
    const works: Record<string, Work> = {
      answer,
      plain: async (_, reply) => void reply.tell(await w.ask('b', 'a', 'answer')),
      nested: async (ctx, reply) => void reply.tell(await w.ask('b', 'a', 'answer', { within: ctx })),
      slow: async () => gate.promise,
    };
    const gate = Promise.withResolvers<void>();
    const w = await world(['a', 'b'], works);
    const sent: unknown[] = [];
    for (const name of ['a', 'b']) {
      const { links } = w.at(name);
      const { send } = links;
      links.send = (to, lane, envelope) => {
        const { kind, method, askers } = envelope;
        if (kind !== 'reply') sent.push([name, kind, method, askers]);
        return send.call(links, to, lane, envelope);
      };
    }
    await w.cluster.settle(w.ask('a', 'b', 'plain'));
    const plain = [
      ['a', 'ask', '', undefined],
      ['b', 'ask', '', undefined],
    ];
    expect(sent.splice(0)).toEqual(plain);
    // Who is asked is busy, but not with what waits for this.
    w.tell('a', 'slow');
    const nested = w.ask('a', 'b', 'nested');
    await w.cluster.clock.advance(100);
    gate.resolve();
    expect(await w.cluster.settle(nested)).toBe('yes');
    expect(sent).toEqual([plain[0], ['b', 'ask', '', [expect.stringMatching(/^na#1\/\d+$/)]]]);
    await w.cluster.close();
  });
});
