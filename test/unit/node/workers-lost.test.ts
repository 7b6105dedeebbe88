import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { isTroupeError } from '../../../src/core/index.ts';
import { TestCluster } from '../../../src/testkit/index.ts';

const WORKERS = ['node-4', 'node-5'];
const SPOT = { capacity: 'spot' };
const AGENTS = 12;
const STEP_MS = 300;
const LOOK_MS = 50;
/** What an ask may wait, ms. */
const ASK_MS = 300_000;
/** Size of large messages, bytes, and how many of them may wait at most: 64 MiB for a shard, and of what a node asks. */
const LARGE_BYTES = 16 * 1024 * 1024;
const LARGE_HELD_MAX = 4;

/** What steps did outside, by name. */
let effects: string[];

const worker = defineAgent('worker', {
  state: () => 0,
  shards: 4,
  placement: { require: SPOT },
  messages: { work: { input: z.string(), output: z.number() }, keep: { input: z.instanceof(Uint8Array) } },
  handlers: {
    async work(ctx, job) {
      for (const part of ['begin', 'end']) {
        await ctx.step(part, async () => {
          effects.push(`${job} ${part}`);
          await kit.advance(STEP_MS);
        });
      }
      ctx.setState(ctx.state + 1);
      return ctx.state;
    },
    keep: () => undefined,
  },
});
let kit: TestCluster;

/** Whether any of the agents' shards has an owner. */
async function anyHome(): Promise<boolean> {
  const { view } = await kit.cluster.status();
  return view.shards.some(({ group, owner }) => group === worker.kind && owner !== undefined);
}
const outcome = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (error: unknown) => (isTroupeError(error) ? error.code : error),
  );

test('while every spot worker is lost work waits, bounded, and goes on where it was when capacity returns', async () => {
  effects = [];
  const labels = Object.fromEntries(WORKERS.map((node) => [node, SPOT]));
  await using cluster = await TestCluster.start(5, { agents: [worker], labels });
  kit = cluster;
  const agents = Array.from({ length: AGENTS }, (_, at) => kit.agent(worker, `${at}`));
  const work = (round: number): Promise<number>[] =>
    agents.map((agent, at) => agent.ask('work', `${round}/${at}`, { timeoutMs: ASK_MS }));
  expect(await Promise.all(work(1))).toEqual(agents.map(() => 1));
  const interrupted = work(2);
  await kit.advance(STEP_MS / 2);
  const begun = effects.length;
  expect(begun).toBeGreaterThan(2 * AGENTS);
  for (const node of WORKERS) kit.cut(node);
  while (await anyHome()) await kit.advance(LOOK_MS);

  const waiting = work(3);
  const large = Array.from({ length: LARGE_HELD_MAX + 1 }, () =>
    outcome(kit.agent(worker, 'large').ask('keep', new Uint8Array(LARGE_BYTES), { timeoutMs: 400 })),
  );
  // What would be one too many hears so at once, and nobody waits beyond a deadline.
  const outcomes = await Promise.all(large);
  expect(outcomes.at(0)).toBe('TIMEOUT');
  expect(outcomes.at(-1)).toBe('OVERLOADED');
  const whileGone = effects.length;

  kit.heal();
  expect(await Promise.all(interrupted)).toEqual(agents.map(() => 2));
  expect(await Promise.all(waiting)).toEqual(agents.map(() => 3));
  expect(effects.length).toBeGreaterThan(whileGone);
  const done = new Set(effects);
  for (const round of [1, 2, 3]) {
    for (const [at] of agents.entries()) {
      for (const part of ['begin', 'end']) expect(done).toContain(`${round}/${at} ${part}`);
    }
  }
});
