import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import type { ManualSource, Notice } from '../../../src/cluster/index.ts';
import type { NodeRecord } from '../../../src/coordinator/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';

const advisory: Notice = { id: 'a', kind: 'advisory', reason: 'rebalance recommended' };

const final = (leftMs: number): Notice => ({ id: 'f', kind: 'final', reason: 'end', leftMs });

const worker = defineAgent('worker', {
  state: () => null,
  messages: { where: { input: z.null(), output: z.string() }, wait: { input: z.number(), output: z.string() } },
  handlers: {
    where: (ctx) => ctx.node.node,
    wait: async (ctx, ms) => {
      await kit.advance(ms);
      return ctx.node.node;
    },
  },
});

let kit: TestCluster;
let manual: ManualSource;

beforeAll(async () => {
  kit = await TestCluster.start(5, { agents: [worker] });
  manual = kit.cluster.notices.get('node-4') as ManualSource;
});
afterAll(() => kit.close());

/** What the ledger says of a node, once it is in that state. */
async function node(state: NodeRecord['state'], id = 'node-4'): Promise<NodeRecord> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const found = (await kit.cluster.status()).view.nodes.find((each) => each.node === id);
    if (found?.state === state) return found;
    if (waitedMs > 30_000) throw new RangeError(`${id} is ${found?.state}, not ${state}`);
    await kit.advance(50);
  }
}

test('a cordon reaches the ledger, is taken back there, and holds for the next life; a final notice empties the node', async () => {
  const { incarnation } = await node('up');
  manual.say(advisory);
  expect(await node('cordoned')).toMatchObject({ reason: 'rebalance recommended', incarnation });
  manual.say();
  expect(await node('up')).not.toHaveProperty('reason');
  manual.say(advisory);
  await node('cordoned');
  kit.cut('node-4');
  await node('down');
  kit.heal();
  const next = await node('cordoned');
  expect(next.incarnation).toBeGreaterThan(incarnation);
  await kit.cluster.node('node-4').preempt(15_000);
  expect(await node('left')).toMatchObject({ reason: 'preemption', account: { agents: 0 } });
});

describe('a node whose final notice is taken back while it drains', () => {
  test('keeps what it had not handed over, works on, and leaves when the next notice comes', async () => {
    const deep = (keys: readonly string[]) => keys.map((key) => kit.agent(worker, key));
    const keys = Array.from({ length: 64 }, (_, i) => `w-${i}`);
    const homes = (): Promise<string[]> => Promise.all(deep(keys).map((ref) => ref.ask('where', null)));
    const at = await homes();
    const own = keys.filter((_, i) => at[i] === 'node-5');
    expect(own.length).toBeGreaterThan(4);
    const long = deep(own).map((ref) => ref.ask('wait', 4_000, { timeoutMs: 60_000 }));
    await kit.advance(300);
    const source = kit.cluster.notices.get('node-5') as ManualSource;
    source.say(final(20_000));
    await node('draining', 'node-5');
    await kit.advance(100);
    source.say(advisory);
    await node('cordoned', 'node-5');
    expect(await Promise.all(long)).toEqual(own.map(() => 'node-5'));
    const after = await homes();
    for (const key of own) expect(after[keys.indexOf(key)], key).toBe('node-5');
    source.say();
    await node('up', 'node-5');
    source.say({ ...final(20_000), id: 'again' });
    expect(await node('left', 'node-5')).toMatchObject({ reason: 'end' });
    expect(new Set(await homes()).has('node-5')).toBe(false);
  });
});
