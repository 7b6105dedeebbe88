import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Ref, ReplyTo } from '../../../src/actor/index.ts';
import { type AgentRef, defineActors, defineAgent, type Host } from '../../../src/agent/index.ts';
import { AgentSubscriptions } from '../../../src/agent/subscriptions.ts';
import type { NodeActors } from '../../../src/cluster/index.ts';
import { nullLogger } from '../../../src/core/index.ts';
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
  state: () => ({
    tally: undefined as Ref<Tally> | undefined,
    ended: [] as { actor: string; reason: string }[],
    heard: [] as string[],
  }),
  messages: {
    addOn: { input: z.object({ node: z.string(), add: z.number() }), output: z.number() },
    keep: { input: ref, output: ref },
    addKept: { input: z.number(), output: z.number() },
    ended: { input: z.object({ actor: z.string(), reason: z.string() }) },
    read: { input: z.undefined(), output: z.array(z.object({ actor: z.string(), reason: z.string() })) },
    publish: { input: z.string() },
    listen: { input: z.object({ topic: z.string(), as: z.string(), on: z.boolean() }) },
    heard: { input: z.string() },
    heardToo: { input: z.string() },
    all: { input: z.undefined(), output: z.array(z.string()) },
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
    listen(ctx, { topic, as, on }) {
      if (on) ctx.subscribe(topic, as);
      else ctx.unsubscribe(topic);
    },
    heard(ctx, text) {
      ctx.setState({ ...ctx.state, heard: [...ctx.state.heard, text] });
    },
    heardToo(ctx, text) {
      ctx.setState({ ...ctx.state, heard: [...ctx.state.heard, `${text} too`] });
    },
    all: (ctx) => ctx.state.heard,
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

  test('it hears what is published on any node, once and in order, by the method named last, until it unsubscribes', async () => {
    const listener = agent('listener');
    const listen = (as: string, on = true) => listener.ask('listen', { topic: 'prices', as, on });
    const heard = () => listener.ask('all', undefined);
    const nodes = ['node-1', 'node-2', 'node-3'];
    await listen('heard');
    await listen('heard');
    // Whoever asks a node after the subscription was made knows of it.
    for (const node of nodes) await actorsOf(node).find(node, 'reader');
    for (let i = 0; i < 20; i++) actorsOf('node-1').topic('prices').publish(`price ${i}`);
    const first = Array.from({ length: 20 }, (_, i) => `price ${i}`);
    await until(async () => (await heard()).length >= 20);
    expect(await heard()).toEqual(first);
    await listen('heardToo');
    for (const node of nodes) actorsOf(node).topic('prices').publish(node);
    await until(async () => (await heard()).length >= 23);
    expect((await heard()).slice(20).sort()).toEqual(nodes.map((node) => `${node} too`));
    await listen('heard', false);
    for (const node of nodes) actorsOf(node).topic('prices').publish('nobody hears');
    for (const node of nodes) actorsOf(node).topic('news').publish('a last one');
    await until(() => [...kept.values()].every((news) => news.filter((text) => text === 'a last one').length === 3));
    expect(await heard()).toHaveLength(23);
  });

  test('who subscribes anew on another node is heard from there, and no longer from the first', async () => {
    const heard: string[] = [];
    const from = (node: string) => {
      const tell = async (_to: unknown, method: string, text: unknown) => void heard.push(`${node} ${method} ${text}`);
      const host = { tell } as unknown as Host;
      return new AgentSubscriptions(
        actorsOf(node) as NodeActors,
        cluster.members.get(node)!.life.map,
        host,
        nullLogger,
      );
    };
    const address = { kind: 'clerk', key: 'mover' };
    const [first, second] = [from('node-1'), from('node-2')];
    const publish = (text: string) => actorsOf('node-2').topic('moves').publish(text);
    first.subscribe(address, 'moves', 'heard');
    second.subscribe({ ...address, key: 'other' }, 'other', 'heard');
    await actorsOf('node-1').find('node-2', 'reader');
    await actorsOf('node-2').find('node-1', 'reader');
    publish('one');
    await until(() => heard.length === 1);
    second.subscribe(address, 'moves', 'heard');
    // An answer of the first node comes behind what it has heard and what it did about it.
    await actorsOf('node-2').find('node-1', 'reader');
    await actorsOf('node-2').find('node-1', 'reader');
    publish('two');
    await until(() => heard.length === 2);
    await actorsOf('node-2').find('node-1', 'reader');
    second.unsubscribe(address, 'moves');
    publish('three');
    await actorsOf('node-2').find('node-1', 'reader');
    expect(heard).toEqual(['node-1 heard one', 'node-2 heard two']);
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
