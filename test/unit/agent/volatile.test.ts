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
  messages: { add: { input: z.number() }, step: { input: z.undefined() }, say: { input: z.string() } },
  handlers: {
    add(ctx, by) {
      ctx.setState(ctx.state + by);
      return ctx.state;
    },
    step: (ctx) => ctx.step('pay', () => 'paid'),
    say: (_ctx, text) => text,
  },
});

let bench: Bench;
let one: AgentNode;
let two: AgentNode;

beforeEach(async () => {
  calls = [];
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [counter], {
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
  two = await joinAgents(bench, 'n2', [counter]);
  await bench.place([0], one, 'counter');
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
