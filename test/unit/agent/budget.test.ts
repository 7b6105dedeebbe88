import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentRef, agentRef, defineAgent } from '../../../src/agent/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import { Budget } from '../../../src/model/index.ts';
import { type InProcessCluster, startInProcess } from '../../../src/node/index.ts';
import { team } from '../../../src/team/index.ts';

/** What one link of a chain of asks does. */
interface Work {
  readonly spend: number;
  /** Agents that are asked with 10 tokens to spend each; with all that is left when it is one. */
  readonly ask: readonly string[];
  readonly fail?: boolean;
  readonly forget?: boolean;
}

const works = new Map<string, Work>();
/** What each agent was given, tokens. */
const given = new Map<string, number>();

/** Stands for an agent that calls a language model. */
const spender = defineAgent('spender', {
  state: () => ({ runs: 0 }),
  messages: { work: { input: z.undefined(), output: z.number() } },
  handlers: {
    async work(ctx) {
      const { key } = ctx.address;
      const { spend, ask, fail = false, forget = false } = works.get(key)!;
      given.set(key, ctx.budget.remaining.tokens);
      ctx.setState({ runs: ctx.state.runs + 1 });
      const amount = { tokens: spend, costMicroUsd: spend * 2 };
      const held = ctx.budget.reserve(amount);
      if (!forget) held.settle(amount);
      const refs = ask.map((name) => ctx.agent(spender, name));
      await Promise.all(
        refs.map((ref) =>
          ref.ask('work', undefined, refs.length === 1 ? {} : { budget: ctx.budget.child({ tokens: 10 }) }),
        ),
      );
      if (fail) throw new TroupeError('SCHEMA_MISMATCH', 'it spent and failed');
      return ctx.state.runs;
    },
  },
  async vote(ctx) {
    given.set(ctx.address.key, ctx.budget.remaining.tokens);
    const amount = { tokens: 5, costMicroUsd: 0 };
    ctx.budget.reserve(amount).settle(amount);
    return { choice: 'yes' };
  },
});

const chair = defineAgent('chair', {
  state: () => ({}),
  messages: { decide: { input: z.undefined(), output: z.string() } },
  handlers: {
    async decide(ctx) {
      const members = ['m1', 'm2', 'm3', 'm4'].map((key) => ({ kind: 'spender', key }));
      const options = { question: 'go?', options: ['yes', 'no'], rule: 'unanimous' } as const;
      return (await team(ctx.host, 'panel', { members }).decide(options)).result?.outcome ?? 'open';
    },
  },
});

let cluster: InProcessCluster;
beforeAll(async () => {
  const nodes = ['n1', 'n2', 'n3'].map((id) => ({ id, voter: true }));
  const timing = { raftTickMs: 20, keepAliveMs: 50, downAfterMs: 600 };
  cluster = await startInProcess({ name: 'budget', nodes, timing }, { agents: [spender, chair] });
});
afterAll(() => cluster.close());

const ref = (key: string, from = 'n1'): AgentRef<(typeof spender)['spec']['messages']> =>
  agentRef(cluster.members.get(from)!.host, spender, key);

describe('a budget', () => {
  test('is handed from ask to ask, each gets what is left, and the spending of all comes back', async () => {
    for (let i = 0; i < 6; i++) works.set(`chain-${i}`, { spend: 10 + i, ask: i < 5 ? [`chain-${i + 1}`] : [] });
    const budget = new Budget({ tokens: 100 });
    await ref('chain-0').ask('work', undefined, { budget });
    // 10, 11, 12, 13, 14, 15.
    expect([...Array(6).keys()].map((i) => given.get(`chain-${i}`))).toEqual([100, 90, 79, 67, 54, 40]);
    expect(budget.spent).toEqual({ tokens: 75, costMicroUsd: 150 });
    expect(budget.remaining.tokens).toBe(25);
  });

  test('that is used up stops the last link, and the asker hears why', async () => {
    works.set('rich', { spend: 60, ask: ['poor'] });
    works.set('poor', { spend: 60, ask: [] });
    const budget = new Budget({ tokens: 100, costMicroUsd: 1_000 });
    await expect(ref('rich').ask('work', undefined, { budget })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(budget.spent).toEqual({ tokens: 60, costMicroUsd: 120 });
  });

  test('is divided among asks side by side by giving each a part', async () => {
    works.set('fan', { spend: 0, ask: ['f1', 'f2', 'f3'] });
    for (const key of ['f1', 'f2', 'f3']) works.set(key, { spend: 7, ask: [] });
    const budget = new Budget({ tokens: 30 });
    await ref('fan').ask('work', undefined, { budget });
    expect(['f1', 'f2', 'f3'].map((key) => given.get(key))).toEqual([10, 10, 10]);
    expect(budget.spent.tokens).toBe(21);
  });

  test('is booked for turns that fail, and for calls that a turn left open', async () => {
    works.set('failing', { spend: 20, ask: [], fail: true });
    works.set('forgetful', { spend: 30, ask: [], forget: true });
    const budget = new Budget({ tokens: 100 });
    await expect(ref('failing').ask('work', undefined, { budget })).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    expect(budget.spent.tokens).toBe(20);
    await ref('forgetful').ask('work', undefined, { budget });
    expect(budget.spent.tokens).toBe(50);
  });

  test('knows what a recorded answer had cost, also from another node', async () => {
    works.set('once', { spend: 40, ask: [] });
    const ask = async (from: string): Promise<[number, number]> => {
      const budget = new Budget({ tokens: 100 });
      const runs = await ref('once', from).ask('work', undefined, { budget, requestId: 'same' });
      return [runs, budget.spent.tokens];
    };
    expect(await ask('n1')).toEqual([1, 40]);
    expect(await ask('n2')).toEqual([1, 40]);
  });

  test('counts as spent in full when no answer came', async () => {
    const budget = new Budget({ tokens: 100 });
    const stop = new AbortController();
    works.set('slow', { spend: 1, ask: ['slow-2'] });
    works.set('slow-2', { spend: 1, ask: ['slow'] });
    // They ask each other in a circle, so no answer comes.
    const asked = ref('slow').ask('work', undefined, { budget, signal: stop.signal });
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(budget.spent.tokens).toBe(100);
  });

  test('of a turn is divided among the members whose votes it asks for', async () => {
    const budget = new Budget({ tokens: 100 });
    const outcome = await agentRef(cluster.members.get('n1')!.host, chair, 'c').ask('decide', undefined, { budget });
    expect(outcome).toBe('decided');
    expect(['m1', 'm2', 'm3', 'm4'].map((key) => given.get(key))).toEqual([25, 25, 25, 25]);
    expect(budget.spent.tokens).toBe(20);
  });

  test('that nobody set limits nothing, and costs the envelope nothing', async () => {
    works.set('free', { spend: 1e9, ask: ['free-2'] });
    works.set('free-2', { spend: 1, ask: [] });
    await ref('free').ask('work', undefined);
    expect(given.get('free')).toBe(Number.POSITIVE_INFINITY);
    expect(given.get('free-2')).toBe(Number.POSITIVE_INFINITY);
  });
});
