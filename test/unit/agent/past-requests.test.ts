import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentRef, defineAgent } from '../../../src/agent/index.ts';
import { PAST_MS, PAST_REQUESTS_MAX, PastRequests } from '../../../src/agent/past-requests.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

/** More turns than replies are remembered. */
const MANY = 70;

describe('an agent that has forgotten a reply', () => {
  let effects: string[];
  const payer = defineAgent('payer', {
    state: () => 0,
    shards: 1,
    messages: { pay: { input: z.string() } },
    handlers: {
      async pay(ctx, what) {
        await ctx.step('pay', async () => void effects.push(what));
        ctx.setState(ctx.state + 1);
        return ctx.state;
      },
    },
  });
  let bench: Bench;
  let one: AgentNode;
  let two: AgentNode;
  const ref = { kind: 'payer', key: 'p' };
  const pay = (what: string, from = one): Promise<unknown> =>
    bench.settle(from.asks.ask(ref, 'pay', what, { requestId: what }));
  const payMany = async (name: string): Promise<void> => {
    for (let i = 0; i < MANY; i++) await pay(`${name}${i}`);
  };

  beforeEach(async () => {
    effects = [];
    bench = await Bench.start();
    one = await joinAgents(bench, 'n1', [payer]);
    two = await joinAgents(bench, 'n2', [payer]);
    await bench.place([0], one, 'payer');
  });
  afterEach(() => bench.close());

  test('doesn’t carry the request out again, wherever it lives by then, and says so', async () => {
    await pay('first');
    await payMany('a');
    await expect(pay('first')).rejects.toMatchObject({ code: 'REPLY_FORGOTTEN', retryable: false });
    await handOver(bench, one, two, 'payer');
    await payMany('b');
    await expect(pay('first')).rejects.toMatchObject({ code: 'REPLY_FORGOTTEN' });
    expect(await pay(`b${MANY - 1}`)).toBe(2 * MANY + 1);
    expect(effects.filter((what) => what === 'first')).toHaveLength(1);
    expect(effects).toHaveLength(2 * MANY + 1);
  });

  test('doesn’t take a durable message again', async () => {
    const send = (): Promise<void> => bench.settle(agentRef(two.host, payer, 'p').send('pay', 'first', 'first'));
    await send();
    await payMany('a');
    await send();
    await bench.clock.advance(1_000);
    expect(effects.filter((what) => what === 'first')).toHaveLength(1);
  });

  test('has forgotten the request too when no try can be under way any more', async () => {
    await pay('first');
    await payMany('a');
    await bench.clock.advance(PAST_MS / 2);
    await payMany('b');
    await expect(pay('first')).rejects.toMatchObject({ code: 'REPLY_FORGOTTEN' });
    await bench.clock.advance(PAST_MS);
    await payMany('c');
    await pay('first');
    expect(effects.filter((what) => what === 'first')).toHaveLength(2);
  });
});

describe('past requests', () => {
  test('are known from others, also from ones that look alike', () => {
    const past = new PastRequests();
    for (let i = 0; i < 1_000; i++) past.add(`request ${i}`);
    for (let i = 0; i < 1_000; i++) expect(past.has(`request ${i}`)).toBe(true);
    for (let i = 1_000; i < 20_000; i++) expect(past.has(`request ${i}`)).toBe(false);
  });

  test('are bounded: the oldest go first', () => {
    const past = new PastRequests();
    for (let i = 0; i < PAST_REQUESTS_MAX + 100; i++) {
      past.add(`${i}`);
      if (i % 1_000 === 0) past.snapshot(0);
    }
    const image = past.snapshot(1);
    expect(image).toHaveLength(PAST_REQUESTS_MAX);
    const again = new PastRequests();
    again.restore(image);
    for (const each of [past, again]) {
      expect(each.has('99')).toBe(false);
      expect(each.has('100')).toBe(true);
      expect(each.has(`${PAST_REQUESTS_MAX + 99}`)).toBe(true);
    }
    expect(again.snapshot(2)).toEqual(image);
  });

  test('count their age from the snapshot on that had them first, and anew where they are restored', () => {
    const past = new PastRequests();
    past.add('a');
    const image = past.snapshot(1_000);
    past.add('b');
    past.snapshot(2_000);
    past.snapshot(1_000 + PAST_MS);
    expect([past.has('a'), past.has('b')]).toEqual([false, true]);
    const next = new PastRequests();
    next.restore(image);
    next.snapshot(5_000);
    next.snapshot(4_999 + PAST_MS);
    expect(next.has('a')).toBe(true);
  });
});
