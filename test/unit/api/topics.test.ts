import { defineAgent } from 'troupe';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ApiClient, type ApiServer, connectApi, type TopicGap } from '../../../src/api/index.ts';
import { TOPIC_SUBSCRIPTIONS_MAX, TOPIC_WAITING_MESSAGES_MAX } from '../../../src/api/limits.ts';
import { nullLogger, nullTracer, type Random, systemClock } from '../../../src/core/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';
import { FakeCluster, until } from './fake-cluster.ts';

/** Publishes from wherever it is. */
const herald = defineAgent('herald', {
  state: () => ({}),
  messages: { say: { input: z.object({ topic: z.string(), text: z.string() }), output: z.string() } },
  handlers: {
    say(ctx, { topic, text }) {
      ctx.actors.topic(topic).publish(text);
      return ctx.actors.self.node;
    },
  },
});

let ids = 0;
/** A client begins with the first address. */
const first: Random = { next: () => 0, int: () => 0, id: () => `id-${ids++}` };
let cluster: TestCluster;
let apis: ApiServer[];
const clients: ApiClient[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start(3, { agents: [herald] });
});
afterAll(() => cluster.close());

beforeEach(async () => {
  const fake = new FakeCluster();
  const serve = (node: string) => {
    const member = cluster.cluster.members.get(node)!;
    return fake.serve({ node, host: cluster.host(node), actors: () => member.life.actors });
  };
  apis = await Promise.all(cluster.nodes.map(serve));
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(apis.map((api) => api.close(50)));
});

/** A client of a node, then of those after it. */
function connect(node = 1): ApiClient {
  const client = connectApi({
    addresses: () => apis.slice(node - 1).map(({ address }) => address),
    clock: systemClock,
    logger: nullLogger,
    tracer: nullTracer,
    random: first,
  });
  clients.push(client);
  return client;
}

/** Keeps what a client hears, in order. */
async function listening(client: ApiClient, topic: string, more: { signal?: AbortSignal } = {}) {
  const heard: unknown[] = [];
  const onGap = ({ missed }: TopicGap): void => void heard.push({ missed });
  const subscription = await client.topic(topic).subscribe((message) => void heard.push(message), { ...more, onGap });
  return { heard, subscription };
}

describe('a topic of the cluster, from outside', () => {
  test('is heard by clients of all nodes and by actors, in order, and as JSON', async () => {
    const probe = cluster.probe<unknown>('node-3');
    cluster.actors('node-3').topic('news').subscribe(probe.ref);
    const [a, b] = [connect(1), connect(2)];
    const [atA, atB] = [await listening(a, 'news'), await listening(b, 'news')];
    await cluster.advance(100);
    const news = a.topic<unknown>('news');
    for (let i = 0; i < 10; i++) expect(await news.publish({ i })).toBe(true);
    expect(await news.publish(undefined)).toBe(true);
    for (let i = 0; i < 10; i++) await probe.expectMessage({ i });
    await probe.expectMessage(undefined);
    cluster.actors('node-3').topic<unknown>('news').publish(new Date(0));
    const all = [...Array.from({ length: 10 }, (_, i) => ({ i })), undefined, new Date(0).toJSON()];
    await until(() => atA.heard.length === 12 && atB.heard.length === 12);
    expect([atA.heard, atB.heard]).toEqual([all, all]);
  });

  test('is heard of whatever the cluster does because of a later call', async () => {
    const client = connect(2);
    const { heard } = await listening(client, 'answers');
    const nodes = new Set<unknown>();
    const texts = Array.from({ length: 30 }, (_, i) => `text-${i}`);
    for (const text of texts)
      nodes.add(await client.ask({ kind: 'herald', key: text }, 'say', { topic: 'answers', text }));
    expect(nodes.size).toBe(3);
    await until(() => heard.length === texts.length);
    expect(heard.toSorted()).toEqual(texts.toSorted());
  });

  test('tells how many a reader missed, by count, by size, and for want of a JSON form', async () => {
    const { heard } = await listening(connect(1), 'flood');
    const topic = cluster.actors('node-1').topic<unknown>('flood');
    const count = TOPIC_WAITING_MESSAGES_MAX;
    for (let i = 0; i < count + 500; i++) topic.publish(i);
    await until(() => heard.length === count + 1);
    expect(heard).toEqual([...Array.from({ length: count }, (_, i) => i), { missed: 500 }]);
    heard.length = 0;
    for (const size of [3, 2, 1]) topic.publish('x'.repeat(size * 1_048_576 - 2));
    topic.publish(1n);
    await until(() => heard.length === 3);
    expect(heard.map((each) => (typeof each === 'string' ? each.length + 2 : each))).toEqual([
      3 * 1_048_576,
      1_048_576,
      { missed: 2 },
    ]);
    topic.publish('after');
    await until(() => heard.at(-1) === 'after');
  });

  test('waits for a slow listener with bounded memory', async () => {
    const gate = Promise.withResolvers<void>();
    let heard = 0;
    let missed = 0;
    await connect(1)
      .topic<string>('slow')
      .subscribe(
        async (message) => {
          await gate.promise;
          if (message !== 'end') heard++;
        },
        {
          onGap: (gap) => {
            missed += gap.missed ?? Number.NaN;
          },
        },
      );
    const topic = cluster.actors('node-1').topic<string>('slow');
    const text = 'x'.repeat(1_048_576 - 2);
    for (let i = 0; i < 40; i++) {
      for (let k = 0; k < 4; k++) topic.publish(text);
      for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
    }
    gate.resolve();
    await until(() => heard + missed === 160);
    // Five batches of four are on their way or wait; a stream of the node that kept as many as gRPC lets it would have 16 more.
    expect(heard).toBeLessThanOrEqual(40);
  });

  test('goes on at another node, and says that something may be missing', async () => {
    const { heard } = await listening(connect(1), 'moving');
    cluster.actors('node-3').topic('moving').publish('before');
    await until(() => heard.length === 1);
    await apis[0]!.close(0);
    await until(() => heard.length === 2);
    cluster.actors('node-2').topic('moving').publish('after');
    await until(() => heard.length === 3);
    expect(heard).toEqual(['before', { missed: undefined }, 'after']);
  });

  test('ends with its signal or by close, and the other nodes send nothing any more', async () => {
    const sent: string[] = [];
    const { links } = cluster.cluster.members.get('node-2')!.life;
    const send = links.send.bind(links);
    links.send = (peer, lane, envelope) => {
      if (envelope.method === 'publish') sent.push(peer.node);
      return send(peer, lane, envelope);
    };
    const stop = new AbortController();
    const one = await listening(connect(1), 'ending', { signal: stop.signal });
    const two = await listening(connect(1), 'ending');
    await cluster.advance(100);
    const topic = cluster.actors('node-2').topic('ending');
    topic.publish('both');
    await until(() => one.heard.length + two.heard.length === 2);
    stop.abort();
    await one.subscription.ended;
    two.subscription.close();
    await two.subscription.ended;
    await until(() => {
      sent.length = 0;
      topic.publish('nobody');
      return sent.length === 0;
    });
    links.send = send;
    expect([one.heard[0], two.heard[0]]).toEqual(['both', 'both']);
    const aborted = listening(connect(1), 'ending', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('a listener that throws ends its subscription with its error', async () => {
    const failure = new RangeError('not that');
    const subscription = await connect(1)
      .topic('throwing')
      .subscribe(() => {
        throw failure;
      });
    cluster.actors('node-1').topic('throwing').publish(1);
    await expect(subscription.ended).rejects.toBe(failure);
  });

  test('refuses names of the runtime and names that are none, and what has no JSON form', async () => {
    const client = connect(1);
    for (const name of ['', 'x'.repeat(201), 'troupe.subscriptions']) {
      await expect(client.topic(name).publish(1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(listening(client, name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(client.topic('news').publish(1n)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  });

  test('a node has so many subscriptions of clients, and has room again when they end', async () => {
    const [a, b] = [connect(1), connect(1)];
    const half = TOPIC_SUBSCRIPTIONS_MAX / 2;
    const open = (client: ApiClient) => Promise.all(Array.from({ length: half }, () => listening(client, 'many')));
    const [some] = await Promise.all([open(a), open(b)]);
    await expect(listening(b, 'many')).rejects.toMatchObject({ code: 'OVERLOADED' });
    some[0]!.subscription.close();
    await until(() =>
      listening(b, 'many').then(
        () => true,
        () => false,
      ),
    );
  });

  test('a program inside the process of its cluster has the same', async () => {
    const { heard, subscription } = await listening(cluster.cluster as unknown as ApiClient, 'inside');
    expect(await cluster.cluster.topic('inside').publish({ at: new Date(0) })).toBe(true);
    cluster.actors('node-1').topic('inside').publish(2);
    await until(() => heard.length === 2);
    expect(heard).toEqual([{ at: new Date(0).toJSON() }, 2]);
    subscription.close();
    await subscription.ended;
  });

  test('ends with its client, and a cluster that closes is no failure', async () => {
    const client = connect(1);
    const { subscription, heard } = await listening(client, 'closing');
    await client.close();
    await subscription.ended;
    await apis[0]!.close(0);
    const alone = await TestCluster.start(1);
    const inside = await listening(alone.cluster as unknown as ApiClient, 'closing');
    await alone.close();
    await inside.subscription.ended;
    expect(heard).toEqual([]);
    expect(inside.heard).toEqual([]);
  });

  test('moves on from a node that drains', async () => {
    const { heard } = await listening(connect(3), 'drained');
    const rest = await listening(connect(1), 'drained');
    await cluster.advance(100);
    apis.push(apis[0]!);
    const publisher = connect(3);
    expect(await publisher.topic('other').publish(0)).toBe(true);
    await cluster.drain('node-3');
    await until(() => heard.length === 1);
    await cluster.advance(100);
    cluster.actors('node-2').topic('drained').publish('still');
    await until(() => heard.length === 2 && rest.heard.length === 1);
    expect(heard).toEqual([{ missed: undefined }, 'still']);
    expect(await publisher.topic('drained').publish('from elsewhere')).toBe(true);
    await until(() => rest.heard.includes('from elsewhere'));
  });
});
