import { afterEach, describe, expect, test } from 'vitest';
import type { AskOptions } from '../../../src/agent/index.ts';
import { type ApiClient, type ApiServer, type ConnectApiOptions, connectApi } from '../../../src/api/index.ts';
import { OPEN_CALL_BYTES_MAX } from '../../../src/api/limits.ts';
import type { Coordinator, LedgerEvent, Relay, WatchDelivery } from '../../../src/coordinator/index.ts';
import { nullLogger, nullTracer, type Random, systemClock, TroupeError } from '../../../src/core/index.ts';
import { Budget } from '../../../src/model/index.ts';
import { FakeCluster, failed, until } from './fake-cluster.ts';

/** Makes a client begin with the first node, so that closing that one hurts. */
let ids = 0;
const firstNode: Random = { next: () => 0, int: () => 0, id: () => `id-${ids++}` };
const clients: ApiClient[] = [];
const servers: ApiServer[] = [];

interface Rig {
  readonly cluster: FakeCluster;
  readonly client: ApiClient;
  /** Addresses that the client may dial; a test changes them. */
  readonly addresses: string[];
  readonly nodes: ApiServer[];
}

async function rig(nodes = 1, more: Partial<ConnectApiOptions> = {}): Promise<Rig> {
  const cluster = new FakeCluster();
  const up = await Promise.all(Array.from({ length: nodes }, () => cluster.serve()));
  servers.push(...up);
  const addresses = up.map((server) => server.address);
  const client = connectApi({
    addresses: () => addresses,
    clock: systemClock,
    logger: nullLogger,
    tracer: nullTracer,
    random: firstNode,
    ...more,
  });
  clients.push(client);
  return { cluster, client, addresses, nodes: up };
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map((server) => server.close(50)));
});

async function* items(count: number, before: (i: number) => Promise<void> | void = () => undefined) {
  for (let i = 0; i < count; i++) {
    await before(i);
    yield { kind: 'k', key: `${i}`, method: 'm', input: { i } };
  }
}

const closed = { outcome: 'decided' as const, choice: 'yes', tally: { yes: 1 }, index: 9, term: 1, epoch: 1 };
const open = {
  question: '?',
  electors: ['a', 'b'],
  rule: 'majority',
  quorum: 1,
  earlyStop: true,
  deadlineMs: 5_000,
} as const;

describe('the API client as a host', () => {
  test('asks, and errors keep code, address and data', async () => {
    const { cluster, client } = await rig();
    cluster.agents.double = (input: { n: number }) => ({ n: input.n * 2, nothing: null });
    expect(await client.ask({ kind: 'k', key: '1' }, 'double', { n: 4 })).toEqual({ n: 8, nothing: null });
    cluster.agents.full = () => {
      const details = { address: 'k/1', data: { waiting: 7, policy: 'reject' }, cause: new RangeError('deep') };
      throw new TroupeError('MAILBOX_FULL', 'x'.repeat(5_000), details);
    };
    const error = await client.ask({ kind: 'k', key: '1' }, 'full', 0).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TroupeError);
    expect(error).toMatchObject({
      code: 'MAILBOX_FULL',
      address: 'k/1',
      retryable: true,
      data: { waiting: 7, policy: 'reject' },
    });
    expect((error as TroupeError).message).toHaveLength(1_024);
    expect((error as TroupeError).cause).toMatchObject({ message: 'deep' });
  });

  test('while no node answers it keeps so many bytes of calls, and refuses more at once', async () => {
    const found = Promise.withResolvers<string[]>();
    const { cluster, client, nodes } = await rig(1, { addresses: () => found.promise });
    cluster.agents.measure = (text: string) => text.length;
    const giveUp = new AbortController();
    const measure = (chars: number, options?: AskOptions) =>
      client.ask({ kind: 'k', key: '1' }, 'measure', 'x'.repeat(chars), options);
    const held = Array.from({ length: 8 }, () => measure(OPEN_CALL_BYTES_MAX / 8 - 2, giveUp)).map((asked) =>
      asked.catch((error: unknown) => error),
    );
    await expect(measure(1)).rejects.toMatchObject({ code: 'OVERLOADED', data: { bytes: OPEN_CALL_BYTES_MAX } });
    await expect(client.tell({ kind: 'k', key: '1' }, 'm', 0)).rejects.toMatchObject({ code: 'OVERLOADED' });
    const listed = client.nodes();
    giveUp.abort();
    found.resolve(nodes.map(({ address }) => address));
    expect(await Promise.all(held)).toMatchObject(Array(8).fill({ code: 'CANCELLED' }));
    expect(await listed).toEqual([]);
    expect(await measure(7)).toBe(7);
  });

  test('a budget goes along with an ask, and what was spent comes back', async () => {
    const { cluster, client } = await rig();
    cluster.agents.spend = (amount: number, { budget }: AskOptions) => {
      const spent = { tokens: amount, costMicroUsd: 0.5 };
      budget!.reserve(spent).settle(spent);
      return budget!.remaining.tokens;
    };
    const budget = new Budget({ tokens: 100, costMicroUsd: 9 });
    expect(await client.ask({ kind: 'k', key: '1' }, 'spend', 30, { budget })).toBe(70);
    expect(budget.spent).toEqual({ tokens: 30, costMicroUsd: 0.5 });
    // An error doesn't say what was spent on it.
    const refused = client.ask({ kind: 'k', key: '1' }, 'spend', 80, { budget });
    await expect(refused).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', data: { tokens: 70 } });
    expect(budget.remaining.tokens).toBe(0);
  });

  test('an ask goes on with another node under the same request id, and is done once', async () => {
    const { cluster, client, nodes } = await rig(2);
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    cluster.agents.slow = async () => {
      runs++;
      await gate.promise;
      return 'done';
    };
    const reply = client.ask({ kind: 'k', key: '1' }, 'slow', null, { timeoutMs: 15_000 });
    await until(() => runs === 1);
    await nodes[0]?.close(0);
    gate.resolve();
    expect(await reply).toBe('done');
    expect(cluster.replies.size).toBe(1);
    expect(runs).toBe(1);
  });

  test('an ask ends at its deadline with TIMEOUT, and at its signal with CANCELLED', async () => {
    const { cluster, client } = await rig();
    let aborted = 0;
    cluster.agents.never = (_, { signal }) => {
      signal?.addEventListener('abort', () => aborted++);
      return new Promise(() => undefined);
    };
    await expect(client.ask({ kind: 'k', key: '1' }, 'never', 0, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    const controller = new AbortController();
    const reply = client.ask({ kind: 'k', key: '2' }, 'never', 0, { signal: controller.signal });
    await until(() => cluster.replies.size === 2);
    controller.abort();
    await expect(reply).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => aborted === 2);
  });

  test('no node at all is one clear error, in bounded time', async () => {
    const { client, addresses, nodes } = await rig(1, { unavailableMs: 100 });
    await nodes[0]?.close(0);
    await expect(client.ask({ kind: 'k', key: '1' }, 'm', 0)).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
      message: `can't reach the cluster: none answers at ${addresses[0]}`,
    });
    addresses.length = 0;
    await expect(client.watchJob('j')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
      message: "can't reach the cluster: no node is known",
    });
  });

  test('a node that comes back under a new port is found', async () => {
    const { cluster, client, addresses, nodes } = await rig();
    cluster.agents.echo = (input) => input;
    await client.ask({ kind: 'k', key: '1' }, 'echo', 1);
    await nodes[0]?.close(0);
    const again = await cluster.serve();
    servers.push(again);
    addresses.splice(0, 1, again.address);
    expect(await client.ask({ kind: 'k', key: '1' }, 'echo', 2)).toBe(2);
  });

  test('moves on from a node that is cut off, for calls and for streams', async () => {
    const { cluster, nodes } = await rig(1);
    cluster.agents.echo = (input) => input;
    await cluster.host().submitJob('j', { concurrency: 1, attempts: 1, timeoutMs: 1 }, []);
    const refuse = (): never => {
      throw new TroupeError('NODE_FENCED', 'this life is over');
    };
    const fenced = await cluster.serve({ host: { ...cluster.host(), ask: async () => refuse(), watchJob: refuse } });
    servers.push(fenced);
    const connect = (): ApiClient => {
      const client = connectApi({
        addresses: () => [fenced.address, ...nodes.map((node) => node.address)],
        clock: systemClock,
        logger: nullLogger,
        tracer: nullTracer,
        random: firstNode,
      });
      clients.push(client);
      return client;
    };
    expect(await connect().ask({ kind: 'k', key: '1' }, 'echo', 'hello', { timeoutMs: 3_000 })).toBe('hello');
    const watching = connect().watchJob('j')[Symbol.asyncIterator]().next();
    cluster.jobs.get('j')?.items.push({ kind: 'k', key: '1', method: 'm', input: 0 });
    cluster.settle('j', 0, 'zero');
    expect((await watching).value).toMatchObject({ settled: [{ position: 0, value: 'zero' }] });
  });

  test('a tell is not repeated when the connection breaks', async () => {
    const { cluster, client, nodes } = await rig(2);
    let tells = 0;
    const host = cluster.host();
    const lost = await cluster.serve({
      host: {
        ...host,
        tell: () => {
          tells++;
          return new Promise(() => undefined);
        },
      },
    });
    const one = connectApi({
      addresses: () => [lost.address, ...nodes.map((n) => n.address)],
      clock: systemClock,
      logger: nullLogger,
      tracer: nullTracer,
      random: firstNode,
    });
    clients.push(one);
    const telling = one.tell({ kind: 'k', key: '1' }, 'note', 1);
    const outcome = telling.catch((error: unknown) => error);
    await until(() => tells === 1);
    await lost.close(0);
    expect(await outcome).toMatchObject({ retryable: true });
    expect(cluster.told).toEqual([]);
    await client.tell({ kind: 'k', key: '1' }, 'note', { a: 1 });
    expect(cluster.told).toEqual(['k/1 note {"a":1}']);
  });

  test('a durable message whose node dies is sent again, under the same id', async () => {
    const { cluster, nodes } = await rig(2);
    const ids: unknown[] = [];
    const lost = await cluster.serve({
      host: {
        ...cluster.host(),
        send: (_address, _method, _input, requestId) => {
          ids.push(requestId);
          return new Promise(() => undefined);
        },
      },
    });
    const addresses = () => [lost.address, ...nodes.map((n) => n.address)];
    const one = connectApi({
      addresses,
      clock: systemClock,
      logger: nullLogger,
      tracer: nullTracer,
      random: firstNode,
    });
    clients.push(one);
    const sending = one.send({ kind: 'k', key: '1' }, 'note', { a: 1 });
    await until(() => ids.length === 1);
    await lost.close(0);
    await sending;
    expect(cluster.sent).toEqual([`k/1 note {"a":1} ${ids[0]}`]);
    await one.send({ kind: 'k', key: '1' }, 'note', 2, 'mine');
    expect(cluster.sent[1]).toBe('k/1 note 2 mine');
  });

  test('a submission whose node dies half-way is sent whole to another', async () => {
    const { cluster, client, nodes } = await rig(2);
    const job = await client.submitJob(
      'j',
      { concurrency: 4, attempts: 2, timeoutMs: 500 },
      items(1_000, async (i) => {
        if (i === 700) await nodes[0]?.close(0);
      }),
    );
    expect(job).toMatchObject({ id: 'j', tasks: 1_000, sealed: true, state: 'open' });
    expect(cluster.jobs.get('j')?.items.map((item) => item.input)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => ({ i })),
    );
    expect(cluster.jobs.get('j')?.spec).toMatchObject({ concurrency: 4, attempts: 2, timeoutMs: 500 });
  });

  test('a source of items that fails stores nothing and its error comes out', async () => {
    const { cluster, client } = await rig();
    const source = items(10, (i) => {
      if (i === 5) throw new TroupeError('DISK_FULL', 'no more');
    });
    await expect(client.submitJob('j', { concurrency: 1, attempts: 1, timeoutMs: 1 }, source)).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    await until(() => true);
    expect(cluster.jobs.has('j')).toBe(false);
  });

  test('a watched job reports each outcome once, across nodes', async () => {
    const { cluster, client, nodes } = await rig(3);
    await client.submitJob('j', { concurrency: 1, attempts: 1, timeoutMs: 1 }, items(6));
    cluster.settle('j', 2, 'two');
    const seen: number[] = [];
    const values: unknown[] = [];
    let state = '';
    const watching = (async () => {
      for await (const { job, settled } of client.watchJob('j')) {
        state = job.state;
        for (const outcome of settled) {
          seen.push(outcome.position);
          values.push(outcome.ok ? outcome.value : (outcome.value as { code: string }).code);
        }
      }
    })();
    await until(() => seen.length === 1);
    await nodes[0]?.close(0);
    cluster.settle('j', 0, 'zero');
    await until(() => seen.length === 2);
    await nodes[1]?.close(0);
    cluster.settle('j', 1, failed('TIMEOUT', 'late'), false);
    for (const position of [5, 4, 3]) cluster.settle('j', position, position);
    await watching;
    expect(seen.slice(0, 3)).toEqual([2, 0, 1]);
    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(values.slice(0, 3)).toEqual(['two', 'zero', 'TIMEOUT']);
    expect(state).toBe('closed');
  });

  test('an unknown job is an error, not a wait', async () => {
    const { client } = await rig();
    await expect(client.watchJob('nope')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('waits for a decision across nodes', async () => {
    const { cluster, client, nodes } = await rig(2);
    expect(await client.openDecision({ id: 'd', ...open })).toMatchObject({
      id: 'd',
      rule: 'majority',
      earlyStop: true,
      ballots: [],
    });
    const waiting = client.decisionClosed('d');
    await until(() => true);
    await nodes[0]?.close(0);
    await client.castBallot('d', { member: 'a', choice: 'yes' });
    await client.castBallot('d', { member: 'b', choice: 'yes' });
    const decision = await waiting;
    expect(decision.result).toMatchObject({ outcome: 'decided', choice: 'yes', tally: { yes: 2 } });
    expect(await client.decision('d')).toEqual(decision);
    expect(await client.closeDecision('d')).toEqual(decision);
    expect(cluster.decision('d').ballots).toHaveLength(2);
  });

  test('stops waiting for a decision when its signal fires', async () => {
    const { client } = await rig();
    await client.openDecision({ id: 'd', ...open });
    const controller = new AbortController();
    const waiting = client.decisionClosed('d', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('the API client as an operator', () => {
  test('reads status and nodes', async () => {
    const { cluster, client } = await rig();
    cluster.addNode('b', 'draining', { drainBy: 1_700_000_000_500, reason: 'notice' });
    cluster.addNode('a');
    const status = await client.status();
    expect(status).toMatchObject({ cluster: 'fake', leader: { node: 'node-1', term: 3 }, stats: { ballots: 4 } });
    expect(await client.nodes()).toEqual([cluster.nodes.get('a'), cluster.nodes.get('b')]);
    cluster.leader = undefined;
    expect((await client.status()).leader).toBeUndefined();
  });

  test('drains a node that is lost while it drains, by asking another', async () => {
    const { cluster, client, nodes } = await rig(2);
    cluster.addNode('spot-1');
    const draining = client.drain('spot-1', { reason: 'test', deadlineMs: 5_000 });
    await nodes[0]?.close(0);
    expect(await draining).toMatchObject({ state: 'left', account: { agents: 5, pauseMsP99: 9.25 } });
    await expect(client.drain('nobody', { reason: '', deadlineMs: 1_000 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    cluster.addNode('gone', 'down');
    await expect(client.drain('gone', { reason: '', deadlineMs: 1_000 })).rejects.toMatchObject({
      code: 'NODE_FENCED',
    });
  });

  test('follows events across nodes, each index once and in order', async () => {
    const { cluster, client, nodes } = await rig(3);
    const stop = new AbortController();
    const seen: LedgerEvent[] = [];
    const watching = (async () => {
      for await (const event of client.events(stop.signal)) seen.push(event);
    })();
    const decide = (id: string): void => {
      cluster.decisions.set(id, { id, closesAt: 1, ballots: [], result: closed, ...open });
      cluster.commit({ type: 'decision', decision: cluster.decision(id) });
    };
    const ids = (): string[] =>
      seen.flatMap((e) => (e.type === 'decision' ? [e.decision.id] : e.type === 'node' ? [e.node.node] : []));
    for (let i = 0; seen.length === 0; i++) {
      decide(`warm-${i}`);
      await until(() => true);
    }
    const from = cluster.index;
    await nodes[0]?.close(0);
    decide('a');
    decide('b');
    await until(() => ids().includes('b'));
    await nodes[1]?.close(0);
    cluster.addNode('n');
    decide('c');
    await until(() => ids().includes('c'));
    stop.abort();
    await watching;
    expect(seen.filter((event) => event.index > from).map((event) => event.index)).toEqual([
      from + 1,
      from + 2,
      from + 3,
      from + 4,
    ]);
    expect(ids().slice(-4)).toEqual(['a', 'b', 'n', 'c']);
    expect(seen.at(-1)).toMatchObject({
      type: 'decision',
      term: 3,
      time: 1_700_000_000_000,
      decision: { result: { choice: 'yes' } },
    });
  });

  test('what follows the cluster ends when its client is closed: events in peace, the watch of a job with an error', async () => {
    const { cluster, client } = await rig();
    const seen: LedgerEvent[] = [];
    const events = (async () => {
      for await (const event of client.events(new AbortController().signal)) seen.push(event);
    })();
    await client.submitJob('j', { concurrency: 1, attempts: 1, timeoutMs: 1 }, items(2));
    cluster.settle('j', 0, 'zero');
    const job = client.watchJob('j')[Symbol.asyncIterator]();
    await job.next();
    const unsettled = job.next();
    for (let i = 0; seen.length === 0; i++) {
      cluster.addNode(`warm-${i}`);
      await until(() => true);
    }
    await client.close();
    await expect(unsettled).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await events;
  });

  test('a node that lags behind repeats nothing', async () => {
    const { cluster, client, addresses, nodes } = await rig(1);
    let hear: (delivery: WatchDelivery) => void = () => undefined;
    const behind: Coordinator & Relay = {
      ...cluster.coordinator(),
      watch: (listener) => {
        hear = listener;
        listener({ type: 'view', view: { index: 90, nodes: [], groups: [], shards: [] } });
        return () => undefined;
      },
    };
    const lagging = await cluster.serve({ coordinator: behind });
    servers.push(lagging);
    const stop = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const event of client.events(stop.signal)) seen.push(event.index);
    })();
    for (let i = 0; seen.length === 0; i++) {
      cluster.addNode(`warm-${i}`);
      await until(() => true);
    }
    const last = cluster.index;
    await until(() => seen.at(-1) === last);
    addresses.splice(0, 1, lagging.address);
    await nodes[0]?.close(0);
    for (let index = 91; index <= last + 1; index++) {
      const stamp = { index, term: 3, time: 1 };
      hear({
        type: 'events',
        index,
        events: [{ ...stamp, type: 'group', group: { group: 'g', shards: 1, placement: {} } }],
      });
    }
    await until(() => seen.at(-1) === last + 1);
    stop.abort();
    await watching;
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test('tells the nodes that changed while no memory of events was left', async () => {
    const { cluster, client } = await rig();
    cluster.addNode('a');
    const stop = new AbortController();
    const seen: LedgerEvent[] = [];
    const watching = (async () => {
      for await (const event of client.events(stop.signal)) seen.push(event);
    })();
    for (let i = 0; seen.length === 0; i++) {
      cluster.addNode(`warm-${i}`);
      await until(() => true);
    }
    const node = cluster.nodes.get('a');
    if (node) cluster.nodes.set('a', { ...node, state: 'down' });
    cluster.index += 50;
    cluster.gap();
    const last = (): LedgerEvent | undefined => seen.at(-1);
    await until(() => last()?.index === cluster.index);
    stop.abort();
    await watching;
    expect(last()).toMatchObject({ type: 'node', node: { node: 'a', state: 'down' } });
  });
});
