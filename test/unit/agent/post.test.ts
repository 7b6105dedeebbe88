import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { FAILURES_MAX } from '../../../src/agent/courier.ts';
import { type AgentContext, agentRef, defineAgent } from '../../../src/agent/index.ts';
import { OUTBOX_MESSAGES_MAX, SEND_BYTES_MAX } from '../../../src/agent/outbox.ts';
import { type Logger, nullLogger, TroupeError } from '../../../src/core/index.ts';
import { MemoryStore } from '../../../src/journal/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

/** What pupils have handled, over all of their lives. */
let heard: string[];
/** How the next words are taken. */
let mood: (word: string) => unknown;
let errors: string[];
/** The turn of the pupil that runs. */
let current: AgentContext<string[]> | undefined;

const pupil = defineAgent('pupil', {
  state: () => [] as string[],
  shards: 1,
  passivateAfterMs: 2_000,
  messages: { hear: { input: z.string() }, all: { input: z.undefined() } },
  handlers: {
    async hear(ctx, word) {
      current = ctx;
      await mood(word);
      heard.push(word);
      ctx.setState([...ctx.state, word]);
    },
    all: (ctx) => ctx.state,
  },
});
const deaf = defineAgent('deaf', {
  state: () => null,
  shards: 1,
  durability: 'none',
  messages: { hear: { input: z.string() }, pass: { input: z.string() }, later: { input: z.undefined() } },
  handlers: {
    hear: () => undefined,
    pass: (ctx, word) => ctx.agent(pupil, 'p').send('hear', word),
    later: (ctx) => ctx.after('t', 1, 'hear', 'x'),
  },
});
const teacher = defineAgent('teacher', {
  state: () => 0,
  shards: 1,
  passivateAfterMs: 2_000,
  messages: {
    teach: {
      input: z.object({ words: z.array(z.string()), to: z.string().default('p'), fail: z.boolean().optional() }),
    },
    misspell: { input: z.undefined() },
    shout: { input: z.number() },
  },
  handlers: {
    async teach(ctx, { words, to, fail }) {
      for (const word of words) await ctx.agent(pupil, to).send('hear', word);
      ctx.setState(ctx.state + words.length);
      if (fail) throw new Error('lost the thread');
      return ctx.state;
    },
    async misspell(ctx) {
      await ctx.host.send({ kind: 'pupil', key: 'p' }, 'here', 'x');
      await ctx.host.send({ kind: 'pupil', key: 'p' }, 'hear', 5);
      await ctx.host.send({ kind: 'deaf', key: 'd' }, 'hear', 'x');
      await ctx.agent(pupil, 'p').send('hear', 'right');
    },
    async shout(ctx, bytes) {
      await ctx.agent(pupil, 'p').send('hear', 'x'.repeat(bytes));
    },
  },
});
const agents = [pupil, teacher, deaf];

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
const logger: Logger = { ...nullLogger, error: (line) => void errors.push(line) };

beforeEach(async () => {
  heard = [];
  errors = [];
  mood = () => undefined;
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', agents, { logger });
  two = await joinAgents(bench, 'n2', agents, { logger });
  await bench.place([0], one, 'teacher');
  await bench.place([0], two, 'pupil');
  await bench.place([0], one, 'deaf');
});
afterEach(() => bench.close());

const teach = (words: readonly string[], more: object = {}): Promise<unknown> =>
  bench.settle(two.asks.ask({ kind: 'teacher', key: 't' }, 'teach', { words, ...more }));
const known = (from = one): Promise<unknown> =>
  bench.settle(from.asks.ask({ kind: 'pupil', key: 'p' }, 'all', undefined));
const wakes = async (node: AgentNode, group: string) => {
  const fence = { group, shard: 0, epoch: node.map.shard({ group, shard: 0 })?.epoch ?? 0 };
  return (await bench.settle(node.coordinator.query('journal.wakes', { fence, limit: 10 }))).wakes;
};
const hold = (): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  mood = () => promise;
  return () => {
    mood = () => undefined;
    resolve();
  };
};

describe('a message sent in a turn', () => {
  test('arrives once, in order, and leaves nothing behind', async () => {
    await teach(['a', 'b']);
    await teach(['c']);
    await bench.clock.advance(3_000);
    expect(heard).toEqual(['a', 'b', 'c']);
    expect(await known()).toEqual(['a', 'b', 'c']);
    expect(await wakes(one, 'teacher')).toEqual([]);
    expect(await wakes(two, 'pupil')).toEqual([]);
  });

  test('is in the same append as the state: a turn that fails sends nothing', async () => {
    await expect(teach(['a'], { fail: true })).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    expect(await teach(['b'])).toBe(1);
    await bench.clock.advance(5_000);
    expect(heard).toEqual(['b']);
  });

  test('outlives the sender: whoever has its shard next delivers it, without anybody asking for the agent', async () => {
    const go = hold();
    await teach(['a', 'b', 'c']);
    await bench.until(() => two.runtime.residents > 0);
    await bench.kill(one);
    go();
    await bench.place([0], two, 'teacher');
    await bench.clock.advance(5_000);
    expect(heard).toEqual(['a', 'b', 'c']);
    expect(await wakes(two, 'teacher')).toEqual([]);
  });

  test('outlives the receiver: one that was on its way when its node died is handled by the next, and takes effect once', async () => {
    hold();
    await teach(['a', 'b']);
    await bench.clock.advance(100);
    await bench.kill(two);
    mood = () => undefined;
    await bench.place([0], one, 'pupil');
    await bench.clock.advance(5_000);
    expect(await known()).toEqual(['a', 'b']);
  });

  test('goes along when the shard of either end is moved', async () => {
    const go = hold();
    await teach(['a', 'b', 'c']);
    await handOver(bench, one, two, 'teacher');
    await handOver(bench, two, one, 'pupil', 0, 100);
    go();
    await bench.clock.advance(90_000);
    expect(await known()).toEqual(['a', 'b', 'c']);
    expect(await wakes(two, 'teacher')).toEqual([]);
  });

  test('waits for a receiver that fails, is given up after so many failures, and those behind it go on', async () => {
    let failures = 0;
    mood = (word) => {
      if (word !== 'bad' || ++failures > 100) return;
      throw new Error('no');
    };
    await teach(['bad', 'good']);
    await bench.clock.advance(1_000);
    expect(heard).toEqual([]);
    await bench.clock.advance(10 * 60_000);
    expect(heard).toEqual(['good']);
    expect(failures).toBe(FAILURES_MAX);
    expect(errors.filter((line) => line === 'durable message given up')).toHaveLength(1);
    expect(await wakes(one, 'teacher')).toEqual([]);
  });

  test('that nobody can ever take is given up at once', async () => {
    await bench.settle(two.asks.ask({ kind: 'teacher', key: 't' }, 'misspell', undefined));
    await bench.clock.advance(2_000);
    expect(heard).toEqual(['right']);
    expect(errors.filter((line) => line === 'durable message given up')).toHaveLength(3);
  });

  test('that was lost on its way is sent again, and one whose turn takes long is not cut off by that', async () => {
    two.router.attach({ deliver: () => undefined, adopt: () => undefined });
    await teach(['a', 'b']);
    await bench.clock.advance(10_000);
    two.router.attach(two.runtime);
    const go = hold();
    await bench.clock.advance(120_000);
    expect(current?.signal.aborted).toBe(false);
    go();
    await bench.clock.advance(1_000);
    expect(heard).toEqual(['a', 'b']);
  });

  test('is bounded, and so is what is under way', async () => {
    hold();
    await expect(
      bench.settle(two.asks.ask({ kind: 'teacher', key: 't' }, 'shout', SEND_BYTES_MAX)),
    ).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    });
    await expect(teach(new Array(OUTBOX_MESSAGES_MAX + 1).fill('a'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    await teach(new Array(OUTBOX_MESSAGES_MAX).fill('a'));
    await expect(teach(['b'])).rejects.toMatchObject({ code: 'OVERLOADED' });
    await teach([]);
  });

  test('doesn’t wait for messages to others', async () => {
    mood = (word) => word === 'slow' && new Promise(() => undefined);
    await teach(['slow', 'after']);
    await teach(['quick'], { to: 'q' });
    await bench.clock.advance(500);
    expect(heard).toEqual(['quick']);
  });
});

describe('a message sent from outside', () => {
  const send = (word: string, id?: string, from = one): Promise<void> =>
    bench.settle(agentRef(from.host, pupil, 'p').send('hear', word, id));

  test('is there when the journal has it, and takes effect once however often it is sent', async () => {
    const go = hold();
    await send('a', 'first');
    await send('a', 'first');
    await send('b', 'second');
    expect(heard).toEqual([]);
    go();
    await bench.clock.advance(1_000);
    await send('a', 'first');
    await bench.clock.advance(1_000);
    expect(await known()).toEqual(['a', 'b']);
    expect(await wakes(two, 'pupil')).toEqual([]);
  });

  test('outlives the node that accepted it', async () => {
    hold();
    await send('a');
    await send('b');
    await bench.kill(two);
    mood = () => undefined;
    await bench.place([0], one, 'pupil');
    await bench.clock.advance(2_000);
    expect(await known()).toEqual(['a', 'b']);
  });

  test('keeps its place when the clock of the node that accepted it was ahead', async () => {
    const early = await joinAgents(bench, 'n3', agents, { logger, aheadMs: 60_000 });
    await handOver(bench, two, early, 'pupil');
    hold();
    await send('a');
    await bench.kill(early);
    mood = () => undefined;
    await bench.place([0], one, 'pupil');
    await send('b');
    await bench.clock.advance(2_000);
    expect(await known()).toEqual(['a', 'b']);
  });

  test('is refused at the door when it can’t be taken', async () => {
    const ref = { kind: 'pupil', key: 'p' };
    await expect(bench.settle(one.host.send(ref, 'here', 'x'))).rejects.toMatchObject({ code: 'UNKNOWN_MESSAGE' });
    await expect(bench.settle(one.host.send(ref, 'hear', 5))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    await expect(send('x'.repeat(SEND_BYTES_MAX))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(agentRef(one.host, deaf, 'd').send('hear', 'x')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(bench.settle(one.host.send({ kind: 'deaf', key: 'd' }, 'hear', 'x'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('by an agent that has no journal is accepted before its turn goes on', async () => {
    hold();
    await bench.settle(two.asks.ask({ kind: 'deaf', key: 'd' }, 'pass', 'a'));
    expect(await wakes(two, 'pupil')).toMatchObject([{ key: 'p' }]);
    await expect(bench.settle(two.asks.ask({ kind: 'deaf', key: 'd' }, 'later', undefined))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

test('messages and timers are found in every store', async () => {
  const store = new MemoryStore(bench.clock);
  const [first, second] = [
    await joinAgents(bench, 'm1', agents, { store }),
    await joinAgents(bench, 'm2', agents, { store }),
  ];
  await bench.kill(one);
  await bench.kill(two);
  await bench.place([0], first, 'teacher');
  const ref = agentRef(second.host, teacher, 't');
  await bench.settle(ref.ask('teach', { words: ['a', 'b'] }));
  await bench.settle(agentRef(second.host, teacher, 't').send('teach', { words: ['c'] }));
  await bench.clock.advance(100);
  await bench.kill(first);
  await bench.place([0], second, 'teacher');
  await bench.place([0], second, 'pupil');
  await bench.clock.advance(3_000);
  expect(heard).toEqual(['a', 'b', 'c']);
});

test('a message whose turn a person must settle holds its pair up, and takes effect once', async () => {
  let tries = 0;
  mood = async (word) => {
    if (word === 'pay') await pay();
  };
  const pay = async (): Promise<unknown> =>
    current?.step('pay', { onUnknown: 'hold' }, () => {
      tries++;
      throw new TroupeError('STEP_UNKNOWN', 'who knows');
    });
  await teach(['pay', 'thanks']);
  await bench.clock.advance(5_000);
  // The try that ended so left the step unknown, and the next one holds the turn.
  const list = () => bench.settle(two.coordinator.query('held.list', { limit: 10 }));
  const [held] = (await list()).held;
  expect(tries).toBe(1);
  expect(heard).toEqual([]);
  const ruling = { type: 'done', value: encodePayload('paid') } as const;
  await bench.settle(two.coordinator.execute('held.rule', { group: 'pupil', key: 'p', hold: held?.hold ?? 0, ruling }));
  await bench.clock.advance(120_000);
  expect(heard).toEqual(['pay', 'thanks']);
  expect(tries).toBe(1);
  expect((await list()).held).toEqual([]);
  expect(await wakes(one, 'teacher')).toEqual([]);
});

test('a store that fails for a while costs no message', async () => {
  await bench.kill(one);
  let down = false;
  const coordinator = await joinAgents(bench, 'n3', agents, {
    logger,
    coordinator: (real) => ({
      ...real,
      watch: (listener) => real.watch(listener),
      query: (name, request, options) => real.query(name, request, options),
      execute: (name, request, options) =>
        down && name === 'journal.append'
          ? Promise.reject(new TroupeError('NODE_UNAVAILABLE', 'down'))
          : real.execute(name, request, options),
    }),
  });
  await bench.place([0], coordinator, 'teacher');
  await teach(['a']);
  down = true;
  await bench.clock.advance(10_000);
  down = false;
  await bench.clock.advance(15_000);
  expect(await wakes(coordinator, 'teacher')).toEqual([]);
  await teach(['b']);
  await bench.clock.advance(10_000);
  expect(heard).toEqual(['a', 'b']);
  expect(await wakes(coordinator, 'teacher')).toEqual([]);
});
