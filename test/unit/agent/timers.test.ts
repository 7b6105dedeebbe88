import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { TIMERS_MAX } from '../../../src/agent/agenda.ts';
import { FAILURES_MAX } from '../../../src/agent/courier.ts';
import { type AgentContext, defineAgent } from '../../../src/agent/index.ts';
import type { ShardRecord } from '../../../src/coordinator/index.ts';
import { type Logger, nullLogger } from '../../../src/core/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

type Ctx = AgentContext<string[]>;
/** What the next `do` does with its turn. */
let act: (ctx: Ctx) => unknown;
/** What a ring does beside being noted. */
let ring: (ctx: Ctx, word: string) => unknown;
let rings: { readonly word: string; readonly at: number }[];
let errors: string[];

const clock = defineAgent('clock', {
  state: () => [] as string[],
  shards: 1,
  passivateAfterMs: 2_000,
  messages: { do: { input: z.undefined() }, ring: { input: z.string() } },
  handlers: {
    do: async (ctx) => void (await act(ctx as Ctx)),
    async ring(ctx, word) {
      await ring(ctx as Ctx, word);
      rings.push({ word, at: bench.clock.now() });
      ctx.setState([...ctx.state, word]);
    },
  },
});

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
let began: number;
const logger: Logger = { ...nullLogger, error: (line) => void errors.push(line) };

beforeEach(async () => {
  rings = [];
  errors = [];
  ring = () => undefined;
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [clock], { logger });
  two = await joinAgents(bench, 'n2', [clock], { logger });
  await bench.place([0], one, 'clock');
});
afterEach(() => bench.close());

/** Runs a turn of the agent. */
const turn = async (work: (ctx: Ctx) => unknown, key = 'a'): Promise<void> => {
  act = work;
  await bench.settle(two.asks.ask({ kind: 'clock', key }, 'do', undefined));
  began = bench.clock.now();
};
/** When each ring came, ms after the last turn, to the nearest 100. */
const heard = (): string[] => rings.map(({ word, at }) => `${word} ${Math.round((at - began) / 100) * 100}`);

test('a timer rings where its shard has gone, also when a node hears at once that it was to come and that it has', async () => {
  await turn((ctx) => ctx.after('later', 5_000, 'ring', 'b'));
  two.stopWatch();
  const id = { group: 'clock', shard: 0 };
  const before = two.map.shard(id) as ShardRecord;
  const fences = [{ ...id, epoch: before.epoch }];
  await bench.settle(one.coordinator.execute('shards.transfer', { fences, to: two.self }));
  const { shards, index } = await bench.settle(one.coordinator.query('cluster.view', {}));
  const stamp = { index, term: 1, time: 0 };
  const news = [{ ...before, target: two.self }, ...shards.filter(({ group }) => group === 'clock')];
  two.map.accept({
    type: 'events',
    index,
    events: news.map((shard) => ({ ...stamp, type: 'shards', shards: [shard] })),
  });
  await bench.clock.advance(6_000);
  expect(heard()).toEqual(['b 5000']);
});

test('a timer rings once, in its time, also when its agent has left memory', async () => {
  await turn((ctx) => ctx.after('later', 60_000, 'ring', 'b'));
  await turn((ctx) => ctx.after('soon', 1_000, 'ring', 'a'));
  await bench.clock.advance(30_000);
  expect(one.runtime.residents).toBe(0);
  expect(heard()).toEqual(['a 1000']);
  await bench.clock.advance(120_000);
  expect(heard()).toEqual(['a 1000', 'b 60000']);
});

test('one of the same name takes its place; one that is cancelled never rings; what a failed turn sets is not set', async () => {
  await turn((ctx) => {
    ctx.after('x', 100, 'ring', 'first');
    ctx.after('x', 300, 'ring', 'second');
    ctx.after('y', 200, 'ring', 'third');
    ctx.after('z', 200, 'ring', 'z');
  });
  await turn((ctx) => {
    ctx.cancel('y');
    ctx.cancel('never set');
  });
  await expect(
    turn((ctx) => {
      ctx.cancel('z');
      ctx.after('w', 100, 'ring', 'w');
      throw new Error('no');
    }),
  ).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  await bench.clock.advance(20_000);
  expect(rings.map(({ word }) => word).sort()).toEqual(['second', 'z']);
});

test('a schedule goes on until it is cancelled, by whoever', async () => {
  ring = (ctx) => ctx.state.length === 3 && ctx.cancel('tick');
  await turn((ctx) => ctx.every('tick', 1_000, 'ring', 't'));
  await bench.clock.advance(20_000);
  expect(heard()).toEqual(['t 1000', 't 2000', 't 3000', 't 4000']);
});

test('times that nobody could keep are one, and the rhythm stays', async () => {
  await turn((ctx) => {
    ctx.every('tick', 1_000, 'ring', 't');
    ctx.after('once', 2_500, 'ring', 'o');
  });
  await bench.clock.advance(1_500);
  await bench.kill(one);
  await bench.clock.advance(5_100);
  await bench.place([0], two, 'clock');
  await bench.clock.advance(2_000);
  const [first, ...late] = heard();
  expect(first).toBe('t 1000');
  expect(
    late
      .slice(0, 2)
      .map((line) => line[0])
      .sort(),
  ).toEqual(['o', 't']);
  const ticks = late.slice(2);
  expect(ticks.length).toBeGreaterThan(0);
  for (const tick of ticks) expect(tick).toMatch(/^t \d000$/);
});

test('a turn that takes longer than the period isn’t run into by itself', async () => {
  ring = () => new Promise<void>((resolve) => void bench.clock.schedule(2_200, resolve));
  await turn((ctx) => ctx.every('tick', 1_000, 'ring', 't'));
  await bench.clock.advance(10_000);
  expect(heard()).toEqual(['t 3200', 't 6200', 't 9200']);
});

test('timers move with their shard', async () => {
  await turn((ctx) => {
    ctx.after('x', 3_000, 'ring', 'x');
    ctx.every('y', 2_000, 'ring', 'y');
  });
  await handOver(bench, one, two, 'clock');
  await bench.clock.advance(5_000);
  expect(heard()).toEqual(['y 2000', 'x 3000', 'y 4000']);
});

test('a turn that dies with its node rings again elsewhere, and has effect once', async () => {
  let begun = 0;
  ring = () => (++begun === 1 ? new Promise(() => undefined) : undefined);
  await turn((ctx) => ctx.after('x', 100, 'ring', 'x'));
  await bench.until(() => begun === 1);
  await bench.kill(one);
  await bench.place([0], two, 'clock');
  await bench.clock.advance(10_000);
  expect(begun).toBe(2);
  expect(rings).toHaveLength(1);
  await turn((ctx) => expect(ctx.state).toEqual(['x']));
});

test('a handler that keeps failing: its timer is given up, its schedule goes on at its next time', async () => {
  let failures = 0;
  ring = () => {
    if (++failures <= FAILURES_MAX + 1) throw new Error('no');
  };
  await turn((ctx) => {
    ctx.after('x', 100, 'ring', 'x');
  });
  await bench.clock.advance(10 * 60_000);
  expect(failures).toBe(FAILURES_MAX);
  expect(errors.filter((line) => line === 'durable message given up')).toHaveLength(1);
  await turn((ctx) => ctx.every('y', 60_000, 'ring', 'y'));
  await bench.clock.advance(125_000);
  expect(heard()[0]).toMatch(/^y 6\d{4}$/);
  expect(heard()[1]).toBe('y 120000');
});

test('limits hold, and what can’t be is refused', async () => {
  const many = (ctx: Ctx, from: number, count: number): void => {
    for (let i = from; i < from + count; i++) ctx.after(`t${i}`, 1_000, 'ring', 'x');
  };
  await expect(turn((ctx) => many(ctx, 0, TIMERS_MAX + 1))).rejects.toMatchObject({ code: 'OVERLOADED' });
  await turn((ctx) => many(ctx, 0, TIMERS_MAX));
  await expect(turn((ctx) => many(ctx, TIMERS_MAX, 1))).rejects.toMatchObject({ code: 'OVERLOADED' });
  await turn((ctx) => {
    ctx.cancel('t0');
    many(ctx, 1, TIMERS_MAX);
  });
  for (const [name, ms, input] of [
    ['', 1, 'x'],
    ['n', -1, 'x'],
    ['n', Number.NaN, 'x'],
  ] as const) {
    await expect(turn((ctx) => ctx.after(name, ms, 'ring', input), 'b')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  }
  await expect(turn((ctx) => ctx.every('n', 1, 'ring', 'x'), 'b')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
