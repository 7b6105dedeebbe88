import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';
import { Cloud } from '../cluster/preemption/cloud.ts';
import { ApiServer, TOKEN } from './api-server.ts';

const sleeper = defineAgent('sleeper', {
  state: () => null,
  messages: { sleep: { input: z.number(), output: z.string() } },
  placement: { require: { pool: 'spot' } },
  handlers: {
    sleep: async (ctx, ms) => {
      await kit.advance(ms);
      return ctx.node.node;
    },
  },
});

let kit: TestCluster;

async function until(what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  for (let waitedMs = 0; !(await done()); waitedMs += 50) {
    if (waitedMs > 60_000) throw new RangeError(`not within 60 s: ${what}`);
    await kit.advance(50);
  }
}

test('a cluster scales a Deployment by the loads that its nodes tell: out at once, in when the least loaded has left', async () => {
  await using cloud = await Cloud.start();
  const server = new ApiServer();
  server.replicas = 2;
  cloud.answer = server.answer;
  const account = mkdtempSync(join(tmpdir(), 'troupe-account-'));
  writeFileSync(join(account, 'token'), TOKEN);
  writeFileSync(join(account, 'namespace'), 'work');
  const pace = { cooldownMs: 1_000, windowMs: 0 };
  const spot = { pool: 'spot' };
  await using cluster = await TestCluster.start(5, {
    agents: [sleeper],
    labels: { 'node-4': spot, 'node-5': spot },
    config: {
      autoscale: {
        pools: [
          {
            name: 'spot',
            min: 1,
            max: 3,
            target: { open: 4, lagMs: 60_000 },
            out: pace,
            in: pace,
            executor: { kind: 'kubernetes', resource: 'deployment', address: cloud.address, account },
          },
        ],
      },
    },
  });
  kit = cluster;
  const asleep = Array.from({ length: 12 }, (_, i) =>
    kit.agent(sleeper, `s-${i}`, 'node-2').ask('sleep', 8_000, { timeoutMs: 60_000 }),
  );
  await until('it has grown', () => server.replicas === 3);
  expect((await kit.cluster.scale())[0]).toMatchObject({ pool: 'spot', wanted: 3, count: 3, up: 2, open: 12 });
  expect(new Set(await Promise.all(asleep))).toEqual(new Set(['node-4', 'node-5']));
  await until('it has shrunk', () => server.replicas === 1);
  // The third pod never came up, so it went first, and without a drain.
  const gone = (await kit.cluster.status()).view.nodes.filter(({ state }) => state === 'left');
  expect(gone).toEqual([expect.objectContaining({ reason: 'scale-in' })]);
  expect(server.annotated).toEqual([expect.stringMatching(new RegExp(`^${gone[0]?.node} -[1-9]`))]);
  rmSync(account, { recursive: true });
});
