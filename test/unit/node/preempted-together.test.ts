import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';

/** It may not crash even once: a move that counted as a crash would end it. */
const counter = defineAgent('counter', {
  state: () => 0,
  messages: { add: { input: z.null(), output: z.number() }, where: { input: z.null(), output: z.string() } },
  supervision: { intensity: 0, periodMs: 600_000 },
  handlers: {
    add: (ctx) => {
      ctx.setState(ctx.state + 1);
      return ctx.state;
    },
    where: (ctx) => ctx.node.node,
  },
});

test('two nodes that are preempted at once, one of them the leader, lose, repeat and reorder nothing', async () => {
  await using kit = await TestCluster.start(5, { agents: [counter] });
  const leader = (await kit.cluster.status()).leader?.node as string;
  const leaving = [leader, 'node-5'];
  const asker = kit.nodes.find((node) => !leaving.includes(node)) as string;
  const refs = Array.from({ length: 40 }, (_, at) => kit.agent(counter, `${at}`, asker));
  const count = (): Promise<number[]> => Promise.all(refs.map((ref) => ref.ask('add', null, { timeoutMs: 60_000 })));
  expect(await count()).toEqual(refs.map(() => 1));
  const homes = await Promise.all(refs.map((ref) => ref.ask('where', null)));
  for (const node of leaving) expect(homes).toContain(node);
  const left = Promise.all(leaving.map((node) => kit.cluster.node(node).preempt(15_000)));
  const answers: Promise<number[]>[] = [];
  for (let round = 0; round < 20; round++) {
    answers.push(count());
    await kit.advance(20);
  }
  const all = await Promise.all(answers);
  expect(all.map((round) => new Set(round))).toEqual(all.map((_, round) => new Set([round + 2])));
  await left;
  const after = await Promise.all(refs.map((ref) => ref.ask('where', null, { timeoutMs: 60_000 })));
  for (const node of leaving) expect(after).not.toContain(node);
  expect(await count()).toEqual(refs.map(() => 22));
});
