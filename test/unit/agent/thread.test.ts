import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ReplyTo } from '../../../src/actor/index.ts';
import { type AgentRef, agentRef, defineAgent } from '../../../src/agent/index.ts';
import { type Logger, nullLogger } from '../../../src/core/index.ts';
import { type InProcessCluster, startInProcess } from '../../../src/node/index.ts';
import { team } from '../../../src/team/index.ts';
import { type Tally, worker } from './threaded.ts';

const nodes = [{ id: 'node-1', voter: true, threadsMax: 2 }];
const timing = { raftTickMs: 20, keepAliveMs: 50, downAfterMs: 5_000 };
const crashes: unknown[] = [];
const said: string[] = [];
const logger: Logger = {
  ...nullLogger,
  warn: (message, fields) => {
    if (message === 'actor crashed') crashes.push(fields?.error);
  },
  info: (message) => void said.push(message),
  child: () => logger,
};
let cluster: InProcessCluster;
const ref = (key: string): AgentRef<(typeof worker)['spec']['messages']> =>
  agentRef(cluster.members.get('node-1')!.host, worker, key);

beforeAll(async () => {
  cluster = await startInProcess({ name: 'threads', nodes, timing }, { agents: [worker], logger });
});
afterAll(() => cluster.close());

describe('an agent in a thread', () => {
  test('has state, steps, schemas and typed errors as any agent', async () => {
    expect(await ref('a').ask('where', undefined)).toBe('thread');
    expect(await ref('a').ask('add', 2, { requestId: 'one' })).toBe(2);
    expect(await ref('a').ask('add', 2, { requestId: 'one' })).toBe(2);
    expect(await ref('a').ask('add', 3)).toBe(5);
    await expect(ref('a').ask('add', 'x' as never)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    await expect(ref('a').ask('badly', undefined)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    await expect(ref('a').ask('throwTyped', undefined)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'nothing there',
      data: { key: 'k' },
    });
    expect(await ref('a').ask('read', undefined)).toBe(5);
  });

  test('finds its finished steps in the journal, in another thread', async () => {
    const ask = (fail: boolean): Promise<string> => ref('b').ask('stepThen', { fail }, { requestId: 'again' });
    const failed = await ask(true).catch((error: Error) => error.message);
    expect(failed).toMatch(/^worker\/b\/again\/draw /);
    expect(await ask(false)).toBe(failed);
  });

  test('that ended in the middle of a step is asked for it in another thread', async () => {
    const ask = (): Promise<string> => ref('r').ask('reconciled', undefined, { requestId: 'r' });
    await expect(ask()).rejects.toMatchObject({ code: 'THREAD_EXITED' });
    expect(await ask()).toBe('found worker/r/r/pay, asked 2');
  });

  test('asks other agents, runs jobs and votes; there are more agents than threads', async () => {
    expect(await ref('c').ask('askOther', 'd')).toBe(1);
    expect(await ref('c').ask('addAll', ['d', 'e'])).toBe(3 + 2);
    const members = ['c', 'd', 'e'].map((key) => ({ kind: 'worker', key }));
    const decision = await team(cluster.members.get('node-1')!.host, 'votes', { members }).decide({
      question: 'which?',
      options: ['yes', 'no'],
    });
    expect(decision).toMatchObject({ result: { outcome: 'decided', choice: 'yes' } });
  });

  test('has a history, sends durable messages and sets timers', async () => {
    await ref('elephant').ask('remember', 'a');
    await ref('elephant').ask('remember', 'b');
    expect(await ref('elephant').ask('recalled', undefined)).toEqual(['a', 'b']);
    await vi.waitFor(
      async () => {
        expect(await ref('elephant').ask('read', undefined)).toBe(5);
        expect(await ref('friend').ask('read', undefined)).toBe(3);
      },
      { timeout: 5_000 },
    );
  });

  test('hears that its asker gave up, and what is left of the deadline', async () => {
    const key = 'g';
    expect(await ref(key).ask('cancelled', undefined)).toBe(0);
    const left = await ref(key).ask('left', undefined, { timeoutMs: 5_000 });
    expect(left).toBeGreaterThan(3_000);
    expect(left).toBeLessThanOrEqual(5_000);
    const giveUp = new AbortController();
    const asked = ref(key).ask('waitForCancel', undefined, { signal: giveUp.signal });
    await expect.poll(() => said).toContain('waits');
    giveUp.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await ref(key).ask('cancelled', undefined)).toBe(1);
  });

  test('reaches actors: by name, address and refs in its messages, replies and state; it hears of their ends', async () => {
    const { actors } = cluster.members.get('node-1')!;
    let total = 0;
    const slow: ReplyTo<unknown>[] = [];
    const tally = actors.spawn<Tally>(
      () => ({
        receive(message, ctx) {
          if (message === 'end') return ctx.stopSelf();
          if ('who' in message) return void message.who.tell(ctx.self);
          if ('slow' in message) return void slow.push(message.slow);
          total += message.add;
          message.reply?.tell(total);
        },
      }),
      { name: 'tally' },
    );
    const agent = ref('tally');
    expect(await agent.ask('keep', tally)).toBe(tally);
    expect(await agent.ask('tally', 'same')).toBe(true);
    expect(await agent.ask('tally', 'ask')).toBe(6);
    expect(await agent.ask('tally', 'other')).toBe(tally);
    expect(await agent.ask('tally', 'slow')).toBe('TIMEOUT');
    expect(slow[0]?.signal.aborted).toBe(true);
    expect(await agent.ask('tally', 'end')).toBe('normal');
    await expect(agent.ask('tally', 'ask')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await vi.waitFor(async () => expect(await agent.ask('noticed', undefined)).toEqual(['normal']));
  });

  test('publishes and subscribes; what can not leave fails its turn', async () => {
    const { actors } = cluster.members.get('node-1')!;
    const heard: unknown[] = [];
    const topic = actors.topic<string>('thread news');
    topic.subscribe(actors.spawn<string>(() => ({ receive: (text) => void heard.push(text) })));
    const agent = ref('tally');
    await agent.ask('spread', 'listen');
    expect(await agent.ask('spread', 'hear, hear')).toBe(true);
    expect(heard).toEqual(['hear, hear']);
    const noticed = (): Promise<readonly string[]> => agent.ask('noticed', undefined);
    await vi.waitFor(async () => expect(await noticed()).toEqual(['normal', 'hear, hear']));
    await agent.ask('spread', 'deaf');
    topic.publish('too late');
    expect(await agent.ask('spread', 'spawn')).toBe('INVALID_ARGUMENT');
    expect(await noticed()).toEqual(['normal', 'hear, hear']);
    await expect(agent.ask('spread', 'nameless')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('what its thread does when no turn runs is a crash too', async () => {
    await ref('idle').ask('rejectLater', undefined);
    await expect.poll(() => crashes).toContainEqual(expect.stringContaining('nobody catches this'));
    expect(await ref('idle').ask('read', undefined)).toBe(0);
  });

  test('an endless loop costs that turn and that thread: the asker hears why, and the agent goes on', async () => {
    await ref('loop').ask('add', 7);
    const other = ref('other').ask('add', 1);
    const looping = ref('loop').ask('loop', undefined);
    await expect(looping).rejects.toMatchObject({ code: 'THREAD_STUCK', address: 'worker/loop' });
    expect(await ref('loop').ask('read', undefined)).toBe(7);
    expect(await other).toBe(1);
  });
});

test('a kind for a thread must say where it is defined', async () => {
  const lost = defineAgent('lost', { isolation: 'thread', state: () => 0, messages: {}, handlers: {} });
  const start = startInProcess({ name: 'lost', nodes, timing }, { agents: [lost] });
  await expect(start).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION', address: 'lost' });
});
