import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AgentRef, agentRef } from '../../../src/agent/index.ts';
import type { InProcessCluster } from '../../../src/node/index.ts';
import { team } from '../../../src/team/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';
import { counter, effects } from './agents.ts';

const nodes = ['node-1', 'node-2', 'node-3'];

let kit: TestCluster;
let cluster: InProcessCluster;
const ref = (key: string, from = 'node-1'): AgentRef<(typeof counter)['spec']['messages']> =>
  agentRef(cluster.members.get(from)!.host, counter, key);

beforeAll(async () => {
  kit = await TestCluster.start(3, { agents: [counter] });
  ({ cluster } = kit);
});
afterAll(() => kit.close());

describe('an agent', () => {
  test('is the same one from every node, and lives on one of them', async () => {
    expect(await ref('a').ask('add', 2)).toBe(2);
    expect(await ref('a', 'node-2').ask('add', 3)).toBe(5);
    const homes = await Promise.all(nodes.map((id) => ref('a', id).ask('where', undefined)));
    expect(new Set(homes).size).toBe(1);
  });

  test('spread: agents of one kind live on all nodes', async () => {
    const homes = await Promise.all(Array.from({ length: 60 }, (_, i) => ref(`spread-${i}`).ask('where', undefined)));
    expect(new Set(homes)).toEqual(new Set(nodes));
  });

  test('crashes alone: the asker hears why, the state is what was durable, and the next message is served', async () => {
    await ref('c').ask('add', 7);
    await expect(ref('c').ask('crash', undefined)).rejects.toMatchObject({ code: 'HANDLER_FAILED', message: 'boom' });
    expect(await ref('c').ask('read', undefined)).toBe(7);
  });

  test('answers a repeated request once: the effect and the reply are the recorded ones', async () => {
    const first = await ref('d').ask('add', 4, { requestId: 'the-same' });
    const again = await ref('d', 'node-3').ask('add', 4, { requestId: 'the-same' });
    expect([first, again]).toEqual([4, 4]);
    expect(await ref('d').ask('read', undefined)).toBe(4);
    expect(effects.get('counter/d/the-same/effect')).toBe(1);
  });

  test('does not run a finished step again when its turn runs again', async () => {
    const ask = (): Promise<string> => ref('e').ask('failAfterStep', { times: 2 }, { requestId: 'retried' });
    await expect(ask()).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    await expect(ask()).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect(await ask()).toBe('done');
    expect(effects.get('counter/e/retried/effect')).toBe(1);
  });

  test('refuses what does not fit its schema, and messages it does not know, without crashing', async () => {
    await expect(ref('f').ask('add', 'two' as never)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    await expect(ref('f').ask('fly' as never, undefined as never)).rejects.toMatchObject({ code: 'UNKNOWN_MESSAGE' });
    await expect(cluster.members.get('node-1')!.host.ask({ kind: 'nobody', key: 'x' }, 'm', 1)).rejects.toMatchObject({
      code: 'UNKNOWN_AGENT',
    });
    expect(await ref('f').ask('add', 1)).toBe(1);
  });

  test('hears that the deadline passed, and that the asker took the request back', async () => {
    await expect(ref('g').ask('wait', undefined, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const stop = new AbortController();
    const asked = ref('g').ask('wait', undefined, { signal: stop.signal });
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await ref('g').ask('add', 1)).toBe(1);
  });

  test('asks other agents inside its turn', async () => {
    expect(await ref('h').ask('askOther', 'i')).toBe(1);
    expect(await ref('i').ask('read', undefined)).toBe(1);
  });

  test('keeps the order of one sender', async () => {
    const replies = await Promise.all(Array.from({ length: 50 }, () => ref('j', 'node-2').ask('add', 1)));
    expect(replies).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });
});

describe('a team', () => {
  test('decides once, by majority, however often it is asked under one id', async () => {
    const panel = team(cluster.members.get('node-1')!.host, 'panel', { members: [counter], size: 3 });
    const options = { id: 'which', question: 'which?', options: ['even', 'odd'] };
    const [first, second] = await Promise.all([panel.decide(options), panel.decide(options)]);
    expect(first.result).toMatchObject({ outcome: 'decided', choice: 'odd' });
    expect(second.result).toEqual(first.result);
  });

  test('maps every item once, and tells each result once', async () => {
    const items = Array.from({ length: 200 }, (_, i) => i);
    const crowd = team(cluster.members.get('node-2')!.host, 'crowd', { members: [counter], size: 3 });
    const seen: number[] = [];
    for await (const result of crowd.map(items, {
      perItem: (i) => ({ kind: 'counter', key: `map-${i % 20}`, method: 'add', input: 1 }),
    })) {
      expect(result.ok).toBe(true);
      seen.push(result.item);
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(items);
    const totals = await Promise.all(Array.from({ length: 20 }, (_, i) => ref(`map-${i}`).ask('read', undefined)));
    expect(totals).toEqual(new Array(20).fill(10));
  });

  test('reports an item that fails as failed, with its error', async () => {
    const crowd = team(cluster.members.get('node-1')!.host, 'sad', { members: [counter] });
    for await (const result of crowd.map([1], {
      attempts: 1,
      perItem: () => ({ kind: 'counter', key: 'sad', method: 'crash', input: undefined }),
    })) {
      expect(result).toMatchObject({ ok: false, error: { code: 'HANDLER_FAILED', message: 'boom' } });
    }
  });
});

describe('a job that is taken back', () => {
  test('is cancelled in the ledger when the signal of its map fires', async () => {
    const stop = new AbortController();
    const crowd = team(cluster.members.get('node-2')!.host, 'crowd', { members: [counter] });
    const mapping = (async () => {
      const perItem = (i: number) => ({ kind: 'counter', key: `stuck-${i}`, method: 'wait', input: undefined });
      for await (const _ of crowd.map([1, 2, 3], { id: 'taken-back', signal: stop.signal, perItem }));
    })();
    stop.abort();
    await expect(mapping).rejects.toMatchObject({ code: 'CANCELLED' });
    const again = crowd.map([1, 2, 3], {
      id: 'taken-back',
      perItem: () => ({ kind: 'counter', key: 'x', method: 'read', input: undefined }),
    });
    expect(await Array.fromAsync(again)).toEqual([]);
  });
});

describe('a node that drains', () => {
  test('hands every agent over with its state and its queued messages, in order', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `move-${i}`);
    for (const key of keys) await ref(key).ask('add', 1);
    // Turns that run on for long, on every node, and have just begun: nobody else waits for them for long.
    let longTurns = 20;
    const long = Array.from({ length: longTurns }, (_, i) =>
      ref(`long-${i}`)
        .ask('wait', undefined, { timeoutMs: 4_000 })
        .catch((error) => error.code)
        .finally(() => longTurns--),
    );
    const leaving = cluster.node('node-3');
    const asks = keys.flatMap((key) => [2, 3, 4].map(async (n) => [n, await ref(key, 'node-1').ask('add', 1)]));
    const drained = leaving.drain({ reason: 'test', deadlineMs: 15_000 });
    for (const [expected, got] of await Promise.all(asks)) expect(got).toBe(expected);
    expect(longTurns).toBe(20);
    expect(new Set(await Promise.all(long))).toEqual(new Set(['TIMEOUT']));
    await drained;
    asks.push(...keys.map(async (key) => [5, await ref(key, 'node-1').ask('add', 1)]));
    for (const asked of asks) {
      const [expected, got] = await asked;
      expect(got).toBe(expected);
    }
    const homes = new Set(await Promise.all(keys.map((key) => ref(key).ask('where', undefined))));
    expect(homes.has('node-3')).toBe(false);
    // Each node hears of it by its own watch.
    const record = () => cluster.members.get('node-1')!.life.map.node('node-3');
    await vi.waitFor(() => expect(record()?.state).toBe('left'));
    expect(record()?.account?.agents).toBeGreaterThan(0);
  });
});
