import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentContext, defineAgent } from '../../../src/agent/index.ts';
import type { TroupeError } from '../../../src/core/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

/** What turns that `wait` wait for. */
let gate: PromiseWithResolvers<void>;
/** What became of asks that no turn waited for. */
let aside: unknown[];

/** Asks the next of a row to pass the rest on: `b/x`. What fails is told, with who asked. */
async function passOn(ctx: AgentContext<number>, [next = '', ...rest]: readonly string[]): Promise<unknown> {
  const [kind = '', key = ''] = next.split('/');
  try {
    return await ctx.host.ask({ kind, key }, 'pass', rest);
  } catch (error) {
    const { code, data } = error as TroupeError;
    return `${ctx.address.kind} heard ${code} ${data.cycle}`;
  }
}

const kindOf = (kind: string, durability: 'journal' | 'none') =>
  defineAgent(kind, {
    state: () => 0,
    shards: 1,
    durability,
    messages: {
      pass: { input: z.array(z.string()) },
      strict: { input: z.array(z.string()) },
      aside: { input: z.array(z.string()) },
      wait: { input: z.undefined() },
      say: { input: z.undefined() },
    },
    handlers: {
      async pass(ctx, row): Promise<unknown> {
        if (row[0] !== 'wait') return row.length === 0 ? 'the end' : passOn(ctx, row);
        await gate.promise;
        return passOn(ctx, row.slice(1));
      },
      strict: (ctx, [next = '', ...rest]) =>
        ctx.host.ask({ kind: next[0] as string, key: 'x' }, rest.length === 0 ? 'pass' : 'strict', rest),
      aside(ctx, row) {
        void passOn(ctx, row).then((it) => aside.push(it));
        return 'at once';
      },
      async wait() {
        await gate.promise;
        return 'waited';
      },
      say: () => 'yes',
    },
  });
const kinds = [kindOf('a', 'journal'), kindOf('b', 'none'), kindOf('c', 'journal')];

let bench: Bench;
let nodes: AgentNode[];

beforeEach(async () => {
  gate = Promise.withResolvers();
  aside = [];
  bench = await Bench.start();
  nodes = [];
  for (const name of ['n1', 'n2', 'n3']) nodes.push(await joinAgents(bench, name, kinds));
});
afterEach(() => bench.close());

/** Puts the kinds a, b, c on these nodes. */
async function place(...on: readonly number[]): Promise<void> {
  for (const [i, node] of on.entries()) await bench.place([0], nodes[node] as AgentNode, kinds[i]?.kind as string);
}

/** Asks an agent from outside. */
const ask = (kind: string, method: string, input?: unknown): Promise<unknown> =>
  (nodes[2] as AgentNode).asks.ask({ kind, key: 'x' }, method, input);

const quickly = async (asked: Promise<unknown>): Promise<unknown> => {
  const began = bench.clock.monotonic();
  const it = await bench.settle(asked);
  expect(bench.clock.monotonic() - began).toBeLessThan(1_000);
  return it;
};

describe('agents that ask each other in a circle', () => {
  test.each([
    ['on one node', [0, 0, 0]],
    ['on two', [0, 1, 1]],
    ['on three', [0, 1, 2]],
  ])('%s: the last one hears of it at once, with who they are', async (_, on) => {
    await place(...on);
    expect(await quickly(ask('a', 'pass', ['b/x', 'a/x']))).toBe('b heard ASK_CYCLE a/x > b/x > a/x');
    expect(await quickly(ask('a', 'pass', ['b/x', 'c/x', 'a/x']))).toBe('c heard ASK_CYCLE a/x > b/x > c/x > a/x');
    expect(await quickly(ask('a', 'pass', ['b/x', 'c/x', 'b/x']))).toBe('c heard ASK_CYCLE b/x > c/x > b/x');
    expect(await quickly(ask('a', 'pass', ['a/x']))).toBe('a heard ASK_CYCLE a/x > a/x');
  });

  test('and do not catch it, fail one after the other, and go on; none is restarted', async () => {
    await place(0, 1, 2);
    const failed = bench.settle(ask('a', 'strict', ['b', 'c', 'a']).catch((error) => error));
    expect(await quickly(failed)).toMatchObject({ code: 'ASK_CYCLE', data: { cycle: 'a/x > b/x > c/x > a/x' } });
    for (let i = 0; i < 10; i++) {
      await quickly(ask('a', 'strict', ['b', 'c', 'a']).catch((error) => error));
      for (const kind of ['a', 'b', 'c']) expect(await quickly(ask(kind, 'say'))).toBe('yes');
    }
  });

  test('of 17, closed by an ask with 16 above it, are found; of more they time out', async () => {
    await place(0, 1, 2);
    const others = (count: number): string[] => Array.from({ length: count }, (_, i) => `${'abc'[(i + 1) % 3]}/${i}`);
    const ring = (count: number): Promise<unknown> => ask('a', 'pass', [...others(count - 1), 'a/x']);
    expect(await quickly(ring(17))).toBe(`b heard ASK_CYCLE a/x > ${others(16).join(' > ')} > a/x`);
    await expect(bench.settle(ring(18))).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('agents that only seem to', () => {
  test('as the first one does not wait for it: its turn is over', async () => {
    await place(0, 1, 2);
    expect(await quickly(ask('a', 'aside', ['b/x', 'a/x']))).toBe('at once');
    await bench.until(() => aside.length > 0);
    expect(aside).toEqual(['the end']);
  });

  test('as the first one does something else by then', async () => {
    await place(0, 1, 2);
    expect(await quickly(ask('a', 'aside', ['b/x', 'wait', 'a/x']))).toBe('at once');
    await bench.clock.advance(100);
    const other = ask('a', 'wait');
    await bench.clock.advance(100);
    gate.resolve();
    expect(await quickly(other)).toBe('waited');
    await bench.until(() => aside.length > 0);
    expect(aside).toEqual(['the end']);
  });

  test('as another of the kind is asked, or the same one twice in turn', async () => {
    await place(0, 0, 0);
    expect(await quickly(ask('a', 'pass', ['b/x', 'a/y', 'b/y', 'a/z']))).toBe('the end');
    expect(await quickly(ask('a', 'pass', ['b/x']))).toBe('the end');
    expect(await quickly(ask('a', 'pass', ['b/x']))).toBe('the end');
  });

  test('as the one that is asked is busy with what others asked', async () => {
    await place(0, 1, 2);
    const busy = ask('a', 'wait');
    const asked = ask('c', 'pass', ['b/x', 'a/x']);
    await bench.clock.advance(100);
    gate.resolve();
    expect(await quickly(Promise.all([busy, asked]))).toEqual(['waited', 'the end']);
  });
});
