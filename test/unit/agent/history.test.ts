import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { HISTORY_ITEMS_MAX, HISTORY_PAGE_ITEMS_MAX, TurnHistory } from '../../../src/agent/history.ts';
import { type AgentContext, defineAgent } from '../../../src/agent/index.ts';
import { LEDGER_LIMITS } from '../../../src/coordinator/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

type Ctx = AgentContext<null>;
let act: (ctx: Ctx) => unknown;
/** What was appended to journals: bytes of each. */
let written: number[];

const chat = defineAgent('chat', {
  state: () => null,
  shards: 1,
  messages: { do: { input: z.undefined() } },
  handlers: { do: (ctx) => act(ctx) },
});
const volatile = defineAgent('volatile', {
  state: () => null,
  shards: 1,
  durability: 'none',
  messages: { do: { input: z.undefined() } },
  handlers: { do: (ctx) => ctx.history.append('x') },
});

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
beforeEach(async () => {
  written = [];
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [chat, volatile], {
    coordinator: (real) => ({
      ...real,
      watch: (listener) => real.watch(listener),
      query: (name, request, options) => real.query(name, request, options),
      execute: (name, request, options) => {
        const {
          records = [],
          snapshot,
          history = [],
        } = request as { records?: Uint8Array[]; snapshot?: Uint8Array; history?: Uint8Array[] };
        if (name === 'journal.append')
          written.push(
            [...records, ...history, ...(snapshot ? [snapshot] : [])].reduce(
              (sum, { byteLength }) => sum + byteLength,
              0,
            ),
          );
        return real.execute(name, request, options);
      },
    }),
  });
  two = await joinAgents(bench, 'n2', [chat, volatile]);
  await bench.place([0], one, 'chat');
  await bench.place([0], one, 'volatile');
});
afterEach(() => bench.close());

const turn = <T>(work: (ctx: Ctx) => T, kind = 'chat'): Promise<Awaited<T>> => {
  act = work;
  return bench.settle(two.asks.ask({ kind, key: 'a' }, 'do', undefined)) as Promise<Awaited<T>>;
};
const all = (from?: number, limit?: number) => turn((ctx) => ctx.history.page(from, limit));

test('items are kept in order, read in pages, and come back elsewhere', async () => {
  await turn((ctx) => {
    ctx.history.append({ role: 'user', text: 'a' });
    ctx.history.append('b');
  });
  await turn((ctx) => ctx.history.append('c'));
  expect(await all()).toEqual({ from: 0, items: [{ role: 'user', text: 'a' }, 'b', 'c'] });
  expect(await all(1, 1)).toEqual({ from: 1, items: ['b'] });
  expect(await all(3)).toEqual({ from: 3, items: [] });
  await bench.kill(one);
  await bench.place([0], two, 'chat');
  expect(await turn((ctx) => [ctx.history.first, ctx.history.next])).toEqual([0, 3]);
  expect((await all(2)).items).toEqual(['c']);
});

test('a turn sees what it adds; one that fails adds nothing, and a request that is repeated adds nothing more', async () => {
  await turn((ctx) => ctx.history.append('a'));
  const seen = await turn(async ({ history }) => {
    history.append('b');
    history.append('c');
    return [history.next, await history.page(), await history.page(2), await history.page(1, 1), await history.page(9)];
  });
  expect(seen).toEqual([
    3,
    { from: 0, items: ['a', 'b', 'c'] },
    { from: 2, items: ['c'] },
    { from: 1, items: ['b'] },
    { from: 9, items: [] },
  ]);
  await expect(
    turn((ctx) => {
      ctx.history.append('never');
      throw new Error('no');
    }),
  ).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  act = (ctx) => ctx.history.append('once');
  for (let i = 0; i < 2; i++) {
    await bench.settle(two.asks.ask({ kind: 'chat', key: 'a' }, 'do', undefined, { requestId: 'same' }));
  }
  expect((await all()).items).toEqual(['a', 'b', 'c', 'once']);
});

test('old items are let go; positions stay what they are', async () => {
  await turn((ctx) => [1, 2, 3, 4].forEach((item) => void ctx.history.append(item)));
  const seen = await turn(({ history }) => {
    history.dropBefore(2);
    history.append(5);
    return [history.first, history.next, history.page(0)];
  });
  expect([seen[0], seen[1], await seen[2]].slice(0, 2)).toEqual([2, 5]);
  expect(await all(0)).toEqual({ from: 2, items: [3, 4, 5] });
  await turn((ctx) => ctx.history.dropBefore(99));
  expect(await turn((ctx) => [ctx.history.first, ctx.history.next])).toEqual([5, 5]);
  await turn((ctx) => ctx.history.append(6));
  expect(await all()).toEqual({ from: 5, items: [6] });
});

test('what a turn writes doesn’t grow with what is there, snapshots neither', async () => {
  const text = 'x'.repeat(1_000);
  for (let i = 0; i < 120; i++) await turn((ctx) => ctx.history.append(text));
  expect(written).toHaveLength(120);
  // The largest has a snapshot, with the last replies.
  expect(Math.max(...written)).toBeLessThan(6_000);
  expect(written.filter((bytes) => bytes > 1_200).length).toBeLessThanOrEqual(2);
});

test('what is too large or too much is refused, and the agent goes on', async () => {
  const huge = 'x'.repeat(LEDGER_LIMITS.blobBytesMax);
  await expect(turn((ctx) => ctx.history.append(huge))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  await expect(turn((ctx) => ctx.history.page(0, HISTORY_PAGE_ITEMS_MAX + 1))).rejects.toBeDefined();
  const full = new TurnHistory({ first: 5, next: 5 + HISTORY_ITEMS_MAX }, () => Promise.reject());
  expect(() => full.append('x')).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  full.dropBefore(6);
  full.append('x');
  await expect(turn(() => undefined, 'volatile')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  // 64 MiB are full before the items are too many: the turn that goes past fails, and one that lets go makes room.
  const large = 'x'.repeat(LEDGER_LIMITS.blobBytesMax - 100);
  const fits = LEDGER_LIMITS.historyBytesMax / LEDGER_LIMITS.blobBytesMax;
  for (let i = 0; i < fits; i++) await turn((ctx) => ctx.history.append(large));
  await expect(turn((ctx) => ctx.history.append(large))).rejects.toMatchObject({ code: 'OVERLOADED' });
  await turn((ctx) => {
    ctx.history.dropBefore(1);
    ctx.history.append('small');
  });
  expect(await all(fits)).toEqual({ from: fits, items: ['small'] });
});
