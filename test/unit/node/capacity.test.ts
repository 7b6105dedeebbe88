import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { startInProcess } from '../../../src/node/index.ts';

const clerk = defineAgent('clerk', {
  state: () => 0,
  shards: 8,
  messages: { count: { input: z.undefined() } },
  handlers: {
    count(ctx) {
      ctx.setState(ctx.state + 1);
      return ctx.state;
    },
  },
});

test('nodes have shards by their weight, and no more agents in memory than they may', async () => {
  const limits = { residentsMax: 2 };
  const nodes = [
    { id: 'n1', voter: true, weight: 3, ...limits },
    { id: 'n2', weight: 1, ...limits },
    { id: 'n3', weight: 0, ...limits },
  ];
  await using cluster = await startInProcess(
    { name: 'capacity', nodes, timing: { raftTickMs: 10 } },
    { agents: [clerk] },
  );
  const agent = (key: string) => cluster.agent(clerk, key);
  for (let i = 0; i < 12; i++) expect(await agent(`${i}`).ask('count', undefined)).toBe(1);
  // They left memory for others, and nothing of them is lost.
  for (let i = 0; i < 12; i++) expect(await agent(`${i}`).ask('count', undefined)).toBe(2);
  const members = [...cluster.members.values()];
  const shards = members[0]?.life.map.shards().filter(({ group }) => group === 'clerk') ?? [];
  const owned = members.map(({ id }) => shards.filter(({ owner }) => owner?.node === id).length);
  expect(owned).toEqual([6, 2, 0]);
  expect(members.map(({ life }) => life.residents)).toEqual([2, 2, 0]);
});
