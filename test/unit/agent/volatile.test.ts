import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

/** What the agents' node asked of the ledger. */
let calls: string[];

const counter = defineAgent('counter', {
  durability: 'none',
  state: () => 0,
  shards: 1,
  passivateAfterMs: 2_000,
  messages: {
    add: { input: z.number() },
    step: { input: z.undefined() },
    say: { input: z.string() },
    wait: { input: z.number() },
    look: { input: z.number().refine(async (n) => n < 10) },
    proxy: { input: z.boolean() },
    symbol: { input: z.undefined() },
  },
  handlers: {
    add(ctx, by) {
      ctx.setState(ctx.state + by);
      return ctx.state;
    },
    step: (ctx) => ctx.step('pay', () => 'paid'),
    say: (_ctx, text) => text,
    async wait(ctx, by) {
      const before = ctx.state;
      await new Promise<void>((resolve) => bench.clock.schedule(by, resolve));
      ctx.setState(before + by);
      return ctx.state;
    },
    look: (_ctx, n) => n,
    async proxy(_ctx, late) {
      if (late) await Promise.resolve();
      throw trapping();
    },
    symbol: () => Symbol('it has no encoding'),
  },
});

/** Throws whatever one does to it. */
function trapping(): Error {
  const trap = (): never => {
    throw new RangeError('do not look');
  };
  return new Proxy(new Error(), { get: trap, getPrototypeOf: trap, has: trap, ownKeys: trap });
}

/** The same trouble in an agent with a journal. */
const keeper = defineAgent('keeper', {
  state: () => 0,
  shards: 1,
  messages: { proxy: { input: z.undefined() } },
  handlers: {
    proxy: () => {
      throw trapping();
    },
  },
});

let bench: Bench;
let one: AgentNode;
let two: AgentNode;

beforeEach(async () => {
  calls = [];
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [counter, keeper], {
    coordinator: (real): Coordinator => ({
      ...real,
      execute: (name, request, options) => {
        calls.push(name);
        return real.execute(name, request, options);
      },
      query: (name, request, options) => {
        calls.push(name);
        return real.query(name, request, options);
      },
      watch: (listener) => real.watch(listener),
    }),
  });
  two = await joinAgents(bench, 'n2', [counter, keeper]);
  await bench.place([0], one, 'counter');
  await bench.place([0], one, 'keeper');
  calls = [];
});
afterEach(() => bench.close());

const ask = (method: string, input?: unknown, requestId?: string): Promise<unknown> =>
  bench.settle(
    two.asks.ask({ kind: 'counter', key: 'k' }, method, input, requestId === undefined ? {} : { requestId }),
  );

test('an agent without durability asks nothing of the ledger, neither when it is activated nor when its state changes', async () => {
  expect(await ask('add', 2)).toBe(2);
  expect(await ask('add', 3)).toBe(5);
  expect(calls).toEqual([]);
});

test('its state goes when it leaves memory, and a request that comes again is a new turn', async () => {
  expect(await ask('add', 1, 'same')).toBe(1);
  expect(await ask('add', 1, 'same')).toBe(2);
  await bench.clock.advance(4_000);
  expect(one.runtime.residents).toBe(0);
  expect(await ask('add', 1, 'same')).toBe(1);
});

test('a message that doesn’t fit costs it no state; a crash does', async () => {
  await ask('add', 7);
  await expect(ask('say', 5)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  expect(await ask('add', 1)).toBe(8);
  await expect(ask('step')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(await ask('add', 1)).toBe(1);
});

test('a step is refused, as its receipt would promise what nobody keeps', async () => {
  await expect(ask('step')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('"pay"'),
  });
});

test('a handler that waits keeps the next message waiting, and its reply and state come when it is done', async () => {
  const first = two.asks.ask({ kind: 'counter', key: 'k' }, 'wait', 500);
  const second = two.asks.ask({ kind: 'counter', key: 'k' }, 'wait', 100);
  await bench.settled();
  expect(one.runtime.turnMs({ group: 'counter', shard: 0 })).toBeGreaterThanOrEqual(0);
  expect(one.runtime.value({ group: 'counter', shard: 0 })).toBe(3);
  await bench.clock.advance(1_000);
  expect(await first).toBe(500);
  expect(await second).toBe(600);
  expect(one.runtime.value({ group: 'counter', shard: 0 })).toBe(1);
});

test('a schema that must wait holds the turn back, and refuses as any', async () => {
  expect(await ask('look', 5)).toBe(5);
  await ask('add', 1);
  await expect(ask('look', 50)).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
  expect(await ask('add', 1)).toBe(2);
});

test('what a handler throws or gives may be anything: the asker hears at once, and the agent starts anew', async () => {
  for (const late of [false, true]) {
    await ask('add', 1);
    await expect(ask('proxy', late)).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect(await ask('add', 3)).toBe(3);
    await expect(ask('symbol')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await ask('add', 0)).toBe(0);
  }
  const kept = two.asks.ask({ kind: 'keeper', key: 'k' }, 'proxy', undefined);
  await expect(bench.settle(kept)).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
});
