import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Ref } from '../../../src/actor/index.ts';
import { type AgentContext, type AgentRef, agentRef, defineAgent, type Host } from '../../../src/agent/index.ts';
import { AgentSubscriptions } from '../../../src/agent/subscriptions.ts';
import { nullLogger } from '../../../src/core/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

/** What an agent has heard, in order. */
type State = readonly string[];
type Ctx = AgentContext<State>;

/** What the next `do` does with its turn. */
let act: (ctx: Ctx) => void;

/** It hears of ends and of news, wherever it lives, mostly out of memory. */
const listener = defineAgent('listener', {
  state: (): State => [],
  shards: 1,
  passivateAfterMs: 1_000,
  // One crash is one too many.
  supervision: { intensity: 0 },
  messages: {
    do: { input: z.undefined(), output: z.string() },
    ended: { input: z.object({ actor: z.string(), reason: z.string() }) },
    news: { input: z.string() },
    ring: { input: z.string() },
    heard: { input: z.undefined(), output: z.array(z.string()) },
  },
  handlers: {
    do(ctx) {
      act(ctx as Ctx);
      return ctx.node.node;
    },
    ended: (ctx, { actor, reason }) => ctx.setState([...ctx.state, `${nameOf(actor)} ${reason}`]),
    news: (ctx, text) => ctx.setState([...ctx.state, text]),
    ring: (ctx, text) => ctx.setState([...ctx.state, text]),
    heard: (ctx) => [...ctx.state],
  },
});

/** `tool` of `node-1#42/tool#17`. */
const nameOf = (actor: string): string => /\/([^#]+)#/.exec(actor)?.[1] ?? actor;

describe('what an agent watches and is subscribed to', () => {
  let bench: Bench;
  let one: AgentNode;
  let two: AgentNode;
  let three: AgentNode;
  const id = { group: 'listener', shard: 0 };
  const agent = (): AgentRef<(typeof listener)['spec']['messages']> => agentRef(three.host, listener, 'a');
  const heard = (): Promise<State> => bench.settle(agent().ask('heard', undefined));
  const turn = async (work: (ctx: Ctx) => void): Promise<void> => {
    act = work;
    await bench.settle(agent().ask('do', undefined));
  };
  const tool = (node: AgentNode, name = 'tool'): Ref<never> =>
    node.actors.spawn<never>(() => ({ receive: () => undefined }), { name });
  /** On its node as every other one has it. */
  const stop = (node: AgentNode, ref: Ref<never>): Promise<unknown> => bench.settle(node.actors.system.stop(ref));

  beforeEach(async () => {
    bench = await Bench.start();
    one = await joinAgents(bench, 'n1', [listener]);
    two = await joinAgents(bench, 'n2', [listener]);
    three = await joinAgents(bench, 'n3', [listener]);
    await bench.place([0], one, 'listener');
  });
  afterEach(() => bench.close());

  test('goes along, also of one that is out of memory: each end is heard once, wherever the actor lived', async () => {
    const tools = [one, two, three].map((node) => tool(node, `tool-${node.self.node}`));
    const addresses = [one, two, three].map(({ actors }, i) => actors.addressOf(tools[i] as Ref<never>));
    await turn((ctx) => {
      for (const address of addresses) ctx.watch(ctx.actors.refOf(address), 'ended');
    });
    await bench.clock.advance(5_000);
    expect(one.runtime.residents).toBe(0);
    const cargo = await handOver(bench, one, two, 'listener');
    expect(cargo).toMatchObject({ agents: [], watches: addresses.map((of) => ({ key: 'a', of, method: 'ended' })) });
    await bench.clock.advance(1_000);
    expect(await heard()).toEqual([]);
    for (const [i, node] of [one, two, three].entries()) await stop(node, tools[i] as Ref<never>);
    await bench.clock.advance(1_000);
    expect((await heard()).toSorted()).toEqual(['tool-n1 shutdown', 'tool-n2 shutdown', 'tool-n3 shutdown']);
  });

  test('an end while the shard is on its way is heard after the move', async () => {
    const ref = tool(three);
    const address = three.actors.addressOf(ref);
    await turn((ctx) => ctx.watch(ctx.actors.refOf(address), 'ended'));
    one.router.line(id).freeze();
    const cargo = await bench.settle(one.runtime.release(id, bench.clock.monotonic(), two.self));
    await stop(three, ref);
    await bench.clock.advance(500);
    two.staged.set('listener:0', cargo);
    await bench.settle(one.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 1 }], to: two.self }));
    await bench.clock.advance(1_000);
    expect(await heard()).toEqual(['tool shutdown']);
  });

  test('stays where it was when the move is put back, and can be taken back on the new node', async () => {
    const [kept, dropped] = [tool(three, 'kept'), tool(three, 'dropped')];
    const [first, second] = [kept, dropped].map((ref) => three.actors.addressOf(ref)) as [string, string];
    await turn((ctx) => {
      for (const address of [first, second]) ctx.watch(ctx.actors.refOf(address), 'ended');
      ctx.subscribe('prices', 'news');
      ctx.subscribe('weather', 'news');
    });
    one.router.line(id).freeze();
    one.runtime.load(id, await bench.settle(one.runtime.release(id, bench.clock.monotonic(), two.self)));
    one.router.line(id).thaw();
    await handOver(bench, one, two, 'listener');
    await turn((ctx) => {
      ctx.unwatch(ctx.actors.refOf(second));
      ctx.unsubscribe('weather');
    });
    await stop(three, dropped);
    await stop(three, kept);
    three.actors.topic('weather').publish('rain');
    three.actors.topic('prices').publish('up');
    await bench.clock.advance(1_000);
    expect((await heard()).toSorted()).toEqual(['kept shutdown', 'up']);
  });

  test('subscriptions go along, there and back, and what is published is heard once', async () => {
    await turn((ctx) => ctx.subscribe('prices', 'news'));
    const nodes = [one, two, one, two];
    for (const [i, from] of nodes.slice(0, -1).entries()) {
      await handOver(bench, from, nodes[i + 1] as AgentNode, 'listener');
      await bench.clock.advance(500);
      for (const publisher of [one, two, three])
        publisher.actors.topic('prices').publish(`${i} ${publisher.self.node}`);
      await bench.clock.advance(500);
    }
    const all = [0, 1, 2].flatMap((i) => ['n1', 'n2', 'n3'].map((node) => `${i} ${node}`));
    expect((await heard()).toSorted()).toEqual(all);
  });

  test('a subscription stands against the word of an earlier owner, and ends by that of a later one', async () => {
    await handOver(bench, one, two, 'listener');
    await turn((ctx) => ctx.subscribe('prices', 'news'));
    for (const epoch of [1, 2, 3]) {
      const word = { key: 'listener/a prices', node: 'n9', epoch };
      three.actors.topic('troupe.subscriptions').publish(word);
      await bench.clock.advance(100);
      three.actors.topic('prices').publish(`after ${epoch}`);
      await bench.clock.advance(100);
    }
    expect(await heard()).toEqual(['after 1']);
  });

  test('what a node that ends can not give any more is no crash of the agent', async () => {
    await bench.settle(one.actors.stop(1_000));
    // It is asked again until its shard has another node.
    await expect(turn((ctx) => ctx.subscribe('prices', 'news'))).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await heard()).toEqual([]);
  });

  test('the earlier node relays until all others know of the next one: what is published meanwhile is not missed', async () => {
    await turn((ctx) => ctx.subscribe('prices', 'news'));
    await bench.clock.advance(500);
    // What the next node says to whoever publishes takes its time.
    const held = Promise.withResolvers<void>();
    two.actors.told = () => held.promise;
    await handOver(bench, one, two, 'listener');
    await bench.clock.advance(500);
    one.actors.topic('prices').publish('up');
    await bench.clock.advance(500);
    expect(new Set(await heard())).toEqual(new Set(['up']));
    expect(await heard(), 'both relay').toHaveLength(2);
    held.resolve();
    await bench.clock.advance(500);
    one.actors.topic('prices').publish('down');
    await bench.clock.advance(500);
    expect(await heard()).toEqual(['up', 'up', 'down']);
  });

  test('a shard that comes back ends what another node still relays, as it overheard who took over', async () => {
    const news: string[] = [];
    const from = ({ actors, self }: AgentNode, epoch: () => number): AgentSubscriptions => {
      const tell = async (_to: unknown, _method: string, text: unknown): Promise<void> =>
        void news.push(`${self.node} ${text}`);
      const map = { shardOf: () => id, shard: () => ({ ...id, epoch: epoch() }) };
      return new AgentSubscriptions(actors, map, { tell } as unknown as Host, nullLogger);
    };
    let epoch = 2;
    const first = from(one, () => epoch);
    // Its word is that of an earlier owner, so the first node goes on, as if it had never heard it.
    const second = from(two, () => 1);
    const interest = { key: 'a', of: 'prices', method: 'news' };
    first.load(id, [interest]);
    await bench.clock.advance(100);
    second.load(id, [interest]);
    await bench.clock.advance(100);
    three.actors.topic('prices').publish('up');
    await bench.clock.advance(100);
    expect(news.toSorted()).toEqual(['n1 up', 'n2 up']);
    epoch = 3;
    first.load(id, [interest]);
    await bench.clock.advance(100);
    three.actors.topic('prices').publish('down');
    await bench.clock.advance(100);
    expect(news.slice(2)).toEqual(['n1 down']);
  });
});

test('a node that drains takes nothing from its agents: watches, subscriptions and timers hold', async () => {
  await using kit = await TestCluster.start(4, { agents: [listener] });
  const agent = kit.agent(listener, 'a');
  const turn = (work: (ctx: Ctx) => void): Promise<string> => {
    act = work;
    return agent.ask('do', undefined);
  };
  const home = await turn(() => undefined);
  const other = kit.nodes.find((node) => node !== home) as string;
  const watched = kit.actors(other).spawn<string>(() => ({ receive: (_, ctx) => ctx.stopSelf() }), { name: 'stays' });
  const stays = kit.actors(other).addressOf(watched);
  const goes = kit.actors(home).addressOf(kit.actors(home).spawn<never>(() => ({ receive() {} }), { name: 'goes' }));
  await turn((ctx) => {
    for (const address of [stays, goes]) ctx.watch(ctx.actors.refOf(address), 'ended');
    ctx.subscribe('prices', 'news');
    ctx.after('later', 20_000, 'ring', 'rings');
  });
  const setAt = kit.clock.monotonic();
  await kit.drain(home);
  expect(await turn(() => undefined)).not.toBe(home);
  await kit.advance(1_000);
  expect(await agent.ask('heard', undefined)).toEqual(['goes shutdown']);
  kit.actors(other).topic('prices').publish('up');
  watched.tell('end');
  await kit.advance(1_000);
  expect((await agent.ask('heard', undefined)).toSorted()).toEqual(['goes shutdown', 'stays normal', 'up']);
  await kit.advance(setAt + 19_900 - kit.clock.monotonic());
  expect(await agent.ask('heard', undefined)).not.toContain('rings');
  await kit.advance(30_000);
  expect((await agent.ask('heard', undefined)).filter((word) => word === 'rings')).toHaveLength(1);
});
