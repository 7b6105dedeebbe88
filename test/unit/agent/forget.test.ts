import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { FORGET_MS } from '../../../src/agent/agenda.ts';
import { type AgentContext, agentRef, defineAgent } from '../../../src/agent/index.ts';
import type { JournalRecord } from '../../../src/coordinator/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

type Ctx = AgentContext<number>;
let act: (ctx: Ctx) => unknown;
let noted: string[];

const guest = defineAgent('guest', {
  state: () => 0,
  shards: 1,
  messages: { do: { input: z.undefined() }, note: { input: z.string() } },
  handlers: { do: (ctx) => act(ctx), note: (_ctx, word) => void noted.push(word) },
});

let bench: Bench;
let one: AgentNode;
beforeEach(async () => {
  noted = [];
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [guest]);
  await bench.place([0], one, 'guest');
});
afterEach(() => bench.close());

const turn = <T>(work: (ctx: Ctx) => T, requestId?: string): Promise<Awaited<T>> => {
  act = work;
  const options = requestId === undefined ? {} : { requestId };
  return bench.settle(one.asks.ask({ kind: 'guest', key: 'a' }, 'do', undefined, options)) as Promise<Awaited<T>>;
};
const journal = (): Promise<JournalRecord> => {
  const epoch = one.map.shard({ group: 'guest', shard: 0 })?.epoch ?? 0;
  return bench.settle(one.coordinator.query('journal.read', { fence: { group: 'guest', shard: 0, epoch }, key: 'a' }));
};
const live = (): Promise<void> =>
  turn((ctx) => {
    ctx.setState(7);
    ctx.history.append('x');
    ctx.after('later', 60_000, 'note', 'timer');
  });

test('an agent that is forgotten is as new; what it sent arrives, its timers are silent, and its journal goes in time', async () => {
  await live();
  let forgets = 0;
  const forget = (): Promise<number> =>
    turn(async (ctx) => {
      forgets++;
      await ctx.agent(guest, 'b').send('note', 'farewell');
      ctx.setState(8);
      ctx.forget();
      return ctx.state;
    }, 'goodbye');
  expect(await forget()).toBe(8);
  expect(await turn((ctx) => [ctx.state, ctx.history.first === ctx.history.next])).toEqual([0, true]);
  expect((await journal()).records).toEqual([]);
  await bench.clock.advance(FORGET_MS - 10_000);
  // The request is still known.
  expect(await forget()).toBe(8);
  expect(forgets).toBe(1);
  await bench.clock.advance(20_000);
  expect(noted).toEqual(['farewell']);
  expect(await journal()).toEqual({ version: 0, snapshotVersion: 0, records: [] });
  await live();
  expect(await turn((ctx) => ctx.state)).toBe(7);
});

test('one that is used again meanwhile stays', async () => {
  await live();
  await turn((ctx) => ctx.forget());
  await live();
  await bench.clock.advance(FORGET_MS + 10_000);
  expect(noted).toEqual(['timer']);
  expect(await turn((ctx) => [ctx.state, ctx.history.next - ctx.history.first])).toEqual([7, 1]);
});

test('a message that was accepted before is handled by the new one', async () => {
  await turn(async (ctx) => {
    ctx.forget();
    await agentRef(one.host, guest, 'a').send('note', 'hello');
  });
  await bench.clock.advance(FORGET_MS + 10_000);
  expect(noted).toEqual(['hello']);
  expect((await journal()).version).toBe(0);
});

test('forgetting outlives its node', async () => {
  await live();
  await turn((ctx) => ctx.forget());
  const next = await joinAgents(bench, 'n2', [guest]);
  await bench.kill(one);
  one = next;
  await bench.place([0], one, 'guest');
  expect(await turn((ctx) => ctx.state)).toBe(0);
  await bench.clock.advance(FORGET_MS + 10_000);
  expect((await journal()).version).toBe(0);
});
