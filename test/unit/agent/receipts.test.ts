import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentContext, agentRef, defineAgent, type StepOptions } from '../../../src/agent/index.ts';
import type { Commands, Coordinator } from '../../../src/coordinator/index.ts';
import { decodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, joinAgents } from './bench.ts';

let handler: (ctx: AgentContext<null>) => unknown;
/** What the other agent was sent. */
let heard: unknown[];
/** Commands as they went to the ledger; of appends the types of their lines. */
let sent: string[];
/** Holds up the appends that have a line of this type. */
let heldUp: { readonly type: string; readonly until: Promise<void> } | undefined;
let bench: Bench;
let node: AgentNode;

const worker = defineAgent('worker', {
  state: () => null,
  shards: 1,
  messages: { work: { input: z.undefined() } },
  handlers: { work: (ctx) => handler(ctx) },
  vote: async (ctx) => ({ choice: await ctx.step('think', () => 'yes') }),
});
const hearer = defineAgent('hearer', {
  state: () => null,
  durability: 'none',
  shards: 1,
  messages: { hear: { input: z.unknown() } },
  handlers: { hear: (_ctx, what) => void heard.push(what) },
});

const noting = (real: Coordinator): Coordinator => ({
  ...real,
  query: (name, request, options) => real.query(name, request, options),
  watch: (listener) => real.watch(listener),
  onLeader: (listener) => real.onLeader(listener),
  execute: async (name, request, options) => {
    const types = name === 'journal.append' ? typesOf(request as Commands['journal.append']['request']) : [name];
    sent.push(types.join(' '));
    if (heldUp !== undefined && types.includes(heldUp.type)) await heldUp.until;
    return real.execute(name, request, options);
  },
});
const typesOf = ({ records }: Commands['journal.append']['request']): string[] =>
  records.map((record) => (decodePayload(record) as { readonly t: string }).t);

beforeEach(async () => {
  [heard, sent, heldUp] = [[], [], undefined];
  bench = await Bench.start();
  node = await joinAgents(bench, 'n1', [worker, hearer], { coordinator: noting });
  for (const group of ['worker', 'hearer']) await bench.place([0], node, group);
});
afterEach(() => bench.close());

const work = (script: typeof handler): Promise<unknown> => {
  handler = script;
  return agentRef(node.host, worker, 'w').ask('work', undefined);
};
const run = (script: typeof handler): Promise<unknown> => bench.settle(work(script));
/** Holds appends with such a line up. @returns what lets them go */
const holdUp = (type: string): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  heldUp = { type, until: promise };
  return resolve;
};

describe('receipts of a turn', () => {
  test('share an append with what comes next, and a step begins after those before it are durable', async () => {
    await run((ctx) => ctx.step('a', () => 1));
    expect(sent.splice(0)).toEqual(['step', 'done turn']);
    const seen: string[][] = [];
    await run(async (ctx) => {
      for (const name of ['a', 'b']) await ctx.step(name, () => void seen.push([...sent]));
    });
    expect(sent).toEqual(['step', 'done step', 'done turn']);
    expect(seen).toEqual([['step'], ['step', 'done step']]);
  });

  test('of steps that can be asked about share it too', async () => {
    await run((ctx) => ctx.step('a', { onUnknown: 'reconcile', reconcile: () => ({ unknown: true }) }, () => 1));
    expect(sent).toEqual(['step', 'done turn']);
  });

  test('reach the handler one by one, in the order of the journal, also where only the first has to be durable', async () => {
    const letGo = holdUp('done');
    const seen: string[] = [];
    const turn = work((ctx) => {
      const branch = async (name: string, options: StepOptions<number>): Promise<void> => {
        await ctx.step(name, options, () => 0);
        seen.push(name);
      };
      return Promise.all([branch('held', { onUnknown: 'hold' }), branch('repeatable', {})]);
    });
    await bench.clock.advance(100);
    expect([sent, seen]).toEqual([['step step', 'done done'], []]);
    letGo();
    await bench.settle(turn);
    expect(seen).toEqual(['held', 'repeatable']);
  });

  test('of steps that would be held are durable before the handler goes on', async () => {
    const letGo = holdUp('done');
    let on = false;
    const turn = work(async (ctx) => {
      await ctx.step('pay', { onUnknown: 'hold' }, () => 1);
      on = true;
    });
    await bench.clock.advance(100);
    expect([sent, on]).toEqual([['step', 'done'], false]);
    letGo();
    await bench.settle(turn);
    expect(sent).toEqual(['step', 'done', 'turn']);
  });

  test('of large results are durable before the handler goes on, as it may change them', async () => {
    await run((ctx) => ctx.step('fetch', () => new Uint8Array(100_000)));
    expect(sent.filter((what) => what !== 'blob.put')).toEqual(['step', 'done', 'turn']);
  });

  test('don’t wait for a handler that does something else', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = work(async (ctx) => {
      await ctx.step('pay', () => 1);
      await promise;
    });
    await bench.clock.advance(100);
    expect(sent).toEqual(['step', 'done']);
    resolve();
    await bench.settle(turn);
  });

  test('have the result as the step gave it, and are there when the turn fails: it isn’t done again', async () => {
    let runs = 0;
    const script = async (ctx: AgentContext<null>): Promise<unknown> => {
      const list = await ctx.step('fetch', () => [++runs]);
      list.push(99);
      if (runs === 1 && list.length === 2 && sent.at(-1) === 'step') throw new RangeError('the handler fails');
      return list;
    };
    handler = script;
    const ask = () => agentRef(node.host, worker, 'w').ask('work', undefined, { requestId: 'r' });
    await expect(bench.settle(ask())).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    await bench.clock.advance(1_000);
    expect(await bench.settle(ask())).toEqual([1, 99]);
    expect(runs).toBe(1);
  });

  test('are durable before anybody hears that the turn failed', async () => {
    const letGo = holdUp('done');
    let told = false;
    const turn = work(async (ctx) => {
      await ctx.step('pay', () => 1);
      throw new RangeError('the handler fails');
    }).catch(() => {
      told = true;
    });
    await bench.clock.advance(100);
    expect([sent, told]).toEqual([['step', 'done'], false]);
    letGo();
    await bench.settle(turn);
  });

  test('of results that can’t be written fail the turn', async () => {
    const turn = run((ctx) => ctx.step('odd', () => Symbol('odd')).catch(() => 'goes on'));
    await expect(turn).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(sent).toEqual(['step']);
  });

  const ways: readonly (readonly [string, (ctx: AgentContext<null>, what: unknown) => Promise<unknown>])[] = [
    ['an ask', (ctx, what) => ctx.agent(hearer, 'h').ask('hear', what)],
    ['a tell', (ctx, what) => ctx.agent(hearer, 'h').tell('hear', what)],
    [
      'a job',
      (ctx) => ctx.host.submitJob('j', { concurrency: 1, attempts: 1, timeoutMs: 1_000 }, []).then(() => heard.push(0)),
    ],
  ];
  test.each(ways)('are durable before %s leaves, which says what it said when it was made', async (_what, leave) => {
    const letGo = holdUp('done');
    const turn = work(async (ctx) => {
      const result = await ctx.step('think', () => ({ thought: 'yes' }));
      const leaving = leave(ctx, result);
      result.thought = 'no';
      await leaving;
    });
    await bench.clock.advance(1_000);
    expect([sent, heard]).toEqual([['step', 'done'], []]);
    letGo();
    await bench.settle(turn);
    expect(heard).not.toEqual([]);
    expect(heard).not.toEqual([{ thought: 'no' }]);
  });

  test('keep what is told after them in order', async () => {
    const letGo = holdUp('done');
    const turn = work(async (ctx) => {
      const to = ctx.agent(hearer, 'h');
      await ctx.step('think', () => 1);
      const told = [to.tell('hear', 1), to.tell('hear', 2)];
      await Promise.all(told);
      void to.tell('hear', 3);
      await to.tell('hear', 4);
    });
    await bench.clock.advance(100);
    letGo();
    await bench.settle(turn);
    await bench.clock.advance(100);
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  test('that can’t be written end the turn, and nothing of it leaves', async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    heldUp = { type: 'done', until: promise };
    const turn = work(async (ctx) => {
      await ctx.step('think', () => 1);
      await ctx
        .agent(hearer, 'h')
        .tell('hear', 'gone wrong')
        .catch(() => undefined);
    });
    await bench.clock.advance(100);
    heldUp = undefined;
    const again = sent.length;
    reject(new RangeError('the store is gone'));
    await expect(bench.settle(turn)).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect([heard, sent.slice(again)]).toEqual([[], []]);
  });

  test('are durable before a ballot is cast', async () => {
    const open = { id: 'd', question: 'q', options: ['yes', 'no'], electors: ['worker/w'], rule: 'plurality' };
    await bench.settle(
      node.coordinator.execute('decision.open', { ...open, quorum: 1, earlyStop: true, deadlineMs: 5_000 } as never),
    );
    const letGo = holdUp('done');
    const voting = node.host.ask({ kind: 'worker', key: 'w' }, '$vote', {
      decision: 'd',
      question: 'q',
      options: ['yes', 'no'],
    });
    await bench.clock.advance(100);
    expect(sent).toEqual(['step', 'done']);
    letGo();
    await bench.settle(voting);
    expect(sent).toEqual(['step', 'done', 'decision.cast', 'turn']);
  });
});
