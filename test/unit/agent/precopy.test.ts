import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

const BYTES = 200_000;
const SHARD = { group: 'book', shard: 0 };
const messages = { write: { input: z.number() }, grow: { input: z.number() }, read: { input: z.undefined() } };
const book = defineAgent('book', {
  state: () => new Uint8Array(0),
  shards: 1,
  messages,
  handlers: {
    write: (ctx, first) => ctx.setState(new Uint8Array(BYTES).fill(first)),
    grow: (ctx, bytes) => ctx.setState(new Uint8Array(bytes).fill(ctx.state[0] ?? 0)),
    read: (ctx) => [ctx.state.length, ctx.state[0]],
  },
});

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
/** Blobs that node 2 read from the ledger. */
let fetched: number;
let asking: AgentNode;

beforeEach(async () => {
  bench = await Bench.start();
  fetched = 0;
  const counting = (real: Coordinator): Coordinator => ({
    execute: (name, request, options) => real.execute(name, request, options),
    query: (name, request, options) => {
      if (name === 'blob.read') fetched++;
      return real.query(name, request, options);
    },
    watch: (listener) => real.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  });
  one = await joinAgents(bench, 'n1', [book]);
  two = await joinAgents(bench, 'n2', [book], { coordinator: counting });
  asking = two;
  await bench.place([0], one, 'book');
});
afterEach(() => bench.close());

const ask = (method: keyof typeof messages, input?: unknown): Promise<unknown> =>
  bench.settle(asking.asks.ask({ kind: 'book', key: 'k' }, method, input));

test('a large state is there when its agent comes: nothing is read but the journal', async () => {
  await ask('write', 7);
  await bench.settle(one.runtime.prepare(SHARD, two.self));
  await handOver(bench, one, two, 'book');
  expect(await ask('read')).toEqual([BYTES, 7]);
  expect(fetched).toBe(0);
});

test('what has changed since it was copied, and only that, goes along with the shard', async () => {
  await ask('write', 7);
  await bench.settle(one.runtime.prepare(SHARD, two.self));
  await ask('write', 8);
  const cargo = await handOver(bench, one, two, 'book');
  expect(cargo.states).toHaveLength(1);
  expect(await ask('read')).toEqual([BYTES, 8]);
  expect(fetched).toBe(0);
  await handOver(bench, two, one, 'book');
  await ask('write', 9);
  await bench.settle(one.runtime.prepare(SHARD, two.self));
  const unchanged = await handOver(bench, one, two, 'book');
  expect(unchanged.states).toEqual([]);
  expect(await ask('read')).toEqual([BYTES, 9]);
  expect(fetched).toBe(0);
});

test('a state of over 4 MiB doesn’t go along: it is read from where it is kept', async () => {
  await ask('write', 7);
  await ask('grow', 5_000_000);
  const cargo = await handOver(bench, one, two, 'book');
  expect(cargo.states).toEqual([]);
  expect(await ask('read')).toEqual([5_000_000, 7]);
  expect(fetched).toBeGreaterThan(0);
});

test('a state that isn’t what the journal names is never used, whatever came along', async () => {
  await ask('write', 7);
  const encoded = encodePayload(new Uint8Array(BYTES).fill(6));
  await handOver(bench, one, two, 'book', 0, 5_000, (cargo) => ({ ...cargo, states: [encoded] }));
  expect(await ask('read')).toEqual([BYTES, 7]);
  expect(fetched).toBeGreaterThan(0);
});

test('a copy that is old isn’t used, and what has changed is copied again', async () => {
  await ask('write', 7);
  await bench.settle(one.runtime.prepare(SHARD, two.self));
  await ask('write', 8);
  await handOver(bench, one, two, 'book', 0, 5_000, (cargo) => ({ ...cargo, states: [] }));
  expect(await ask('read')).toEqual([BYTES, 8]);
  expect(fetched).toBeGreaterThan(0);
  await handOver(bench, two, one, 'book');
  await ask('write', 9);
  await bench.settle(one.runtime.prepare(SHARD, two.self));
  fetched = 0;
  await handOver(bench, one, two, 'book');
  expect(await ask('read')).toEqual([BYTES, 9]);
  expect(fetched).toBe(0);
});

test('a copy that isn’t what its name says is refused', async () => {
  const bad = one.peers.request(two.self, 'bulk', 'precopy', '0'.repeat(64), new Uint8Array(5), 1_000);
  await expect(bench.settle(bad)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
});
