import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Ref, ReplyTo } from '../../../src/actor/index.ts';
import { type AgentRef, defineActors, defineAgent } from '../../../src/agent/index.ts';
import { type InProcessCluster, startInProcess } from '../../../src/node/index.ts';

type Tally = { readonly add: number; readonly reply: ReplyTo<number> } | 'end';

/** Every node has an actor that adds, and one that keeps what is published. */
const setup = defineActors(({ actors }) => {
  actors.spawn<Tally>(
    () => {
      let total = 0;
      return {
        receive(message, ctx) {
          if (message === 'end') return ctx.stopSelf();
          total += message.add;
          message.reply.tell(total);
        },
      };
    },
    { name: 'tally' },
  );
  const news: unknown[] = [];
  kept.set(actors.self.node, news);
  const reader = actors.spawn<unknown>(() => ({ receive: (message) => void news.push(message) }), { name: 'reader' });
  actors.topic('news').subscribe(reader);
});
const kept = new Map<string, unknown[]>();

const ref = z.custom<Ref<Tally>>((value) => typeof (value as Ref<Tally> | undefined)?.tell === 'function');

/** An agent that works with actors: by name, by a ref it was sent, by one in its state, and by a topic. */
const clerk = defineAgent('clerk', {
  state: () => ({ tally: undefined as Ref<Tally> | undefined, ended: [] as { actor: string; reason: string }[] }),
  messages: {
    addOn: { input: z.object({ node: z.string(), add: z.number() }), output: z.number() },
    keep: { input: ref, output: ref },
    addKept: { input: z.number(), output: z.number() },
    ended: { input: z.object({ actor: z.string(), reason: z.string() }) },
    read: { input: z.undefined(), output: z.array(z.object({ actor: z.string(), reason: z.string() })) },
    publish: { input: z.string() },
  },
  handlers: {
    async addOn(ctx, { node, add }) {
      const tally = await ctx.actors.find<Tally>(node, 'tally');
      return tally.ask<number>((reply) => ({ add, reply }), { signal: ctx.signal });
    },
    keep(ctx, tally) {
      ctx.watch(tally, 'ended');
      ctx.setState({ ...ctx.state, tally });
      return tally;
    },
    addKept: (ctx, add) => (ctx.state.tally as Ref<Tally>).ask<number>((reply) => ({ add, reply })),
    ended(ctx, news) {
      ctx.setState({ ...ctx.state, ended: [...ctx.state.ended, news] });
    },
    read: (ctx) => ctx.state.ended,
    publish: (ctx, text) => void ctx.actors.topic('news').publish(text),
  },
});

let cluster: InProcessCluster;
const agent = (key: string): AgentRef<(typeof clerk)['spec']['messages']> => cluster.agent(clerk, key);
const actorsOf = (node: string) => cluster.members.get(node)!.actors;

/** Waits until something holds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

beforeAll(async () => {
  const nodes = ['node-1', 'node-2', 'node-3'].map((id) => ({ id, voter: true }));
  const timing = { raftTickMs: 20, keepAliveMs: 50, downAfterMs: 600 };
  cluster = await startInProcess({ name: 'unit', nodes, timing }, { agents: [clerk], setups: [setup] });
});
afterAll(() => cluster.close());

describe('an agent and actors', () => {
  test('it asks an actor of any node, found by its name', async () => {
    for (const node of ['node-1', 'node-2', 'node-3']) {
      expect(await agent('a').ask('addOn', { node, add: 1 })).toBe(1);
      expect(await agent('b').ask('addOn', { node, add: 2 })).toBe(3);
    }
  });

  test('a ref may be in its messages, replies and state; it hears once of the end of an actor that it watches', async () => {
    const tally = await actorsOf('node-1').find<Tally>('node-2', 'tally');
    expect(await agent('c').ask('keep', tally)).toBe(tally);
    expect(await agent('c').ask('addKept', 4)).toBe(7);
    tally.tell('end');
    await until(async () => (await agent('c').ask('read', undefined)).length > 0);
    const actor = actorsOf('node-1').addressOf(tally);
    expect(await agent('c').ask('read', undefined)).toEqual([{ actor, reason: 'normal' }]);
    await expect(agent('c').ask('addKept', 1)).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
  });

  test('what it publishes reaches the subscribers of all nodes', async () => {
    await agent('d').ask('publish', 'hello');
    await until(() => [...kept.values()].every((news) => news.length > 0));
    expect([...kept.values()]).toEqual([['hello'], ['hello'], ['hello']]);
  });

  test('a node that drains stops its actors, and who watches them hears why', async () => {
    const tally = await actorsOf('node-1').find<Tally>('node-3', 'tally');
    const heard = new Promise<string>((resolve) => actorsOf('node-1').watch(tally, ({ reason }) => resolve(reason)));
    await cluster.node('node-3').drain({ reason: 'test', deadlineMs: 5_000 });
    expect(await heard).toBe('shutdown');
  });
});

test("a node whose actors can't be set up does not start", async () => {
  const broken = defineActors(({ actors }) => {
    actors.spawn(() => ({ receive() {} }), { name: 'twice' });
    actors.spawn(() => ({ receive() {} }), { name: 'twice' });
  });
  const config = { name: 'unit', nodes: [{ id: 'node-1', voter: true }], timing: { raftTickMs: 20 } };
  const started = startInProcess(config, { agents: [], setups: [broken] });
  await expect(started).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
});
