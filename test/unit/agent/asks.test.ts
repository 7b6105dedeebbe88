import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, type AgentNodeOptions, handOver, joinAgents } from './bench.ts';

/** What `wait` waits for. */
let gate: PromiseWithResolvers<void>;
/** Turns that began: `n2 wait`. */
let turns: string[];
/** Why turns were aborted. */
let aborted: unknown[];

const echo = defineAgent('echo', {
  state: () => 0,
  shards: 1,
  messages: {
    say: { input: z.string() },
    wait: { input: z.undefined() },
    hold: { input: z.string() },
    add: { input: z.number() },
    fail: { input: z.undefined() },
    failAsking: { input: z.undefined() },
  },
  handlers: {
    say: (ctx, text) => `${text} from ${ctx.node.node}`,
    async wait(ctx) {
      turns.push(`${ctx.node.node} wait`);
      ctx.signal.addEventListener('abort', () => aborted.push(ctx.signal.reason), { once: true });
      await gate.promise;
      return `waited on ${ctx.node.node}`;
    },
    hold: () => gate.promise,
    add(ctx, by) {
      turns.push(`${ctx.node.node} add`);
      ctx.setState(ctx.state + by);
      return ctx.state;
    },
    failAsking: (ctx) => ctx.host.ask({ kind: 'nobody', key: 'x' }, 'm', 'not the asker’s'),
    fail: () => {
      throw new TroupeError('NOT_FOUND', 'nothing like that');
    },
  },
  supervision: { intensity: 100 },
});

const ME = { kind: 'echo', key: 'k' };
const SHARD = { group: 'echo', shard: 0 };

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
let three: AgentNode;

beforeEach(async () => {
  gate = Promise.withResolvers();
  turns = [];
  aborted = [];
  bench = await Bench.start();
  one = await joinAgents(bench, 'n1', [echo]);
  two = await joinAgents(bench, 'n2', [echo], troubles);
  three = await joinAgents(bench, 'n3', [echo]);
});
afterEach(() => bench.close());

/** How many reads of journals fail on node 2. */
let readsFail = 0;
const troubles: AgentNodeOptions = {
  coordinator: (real): Coordinator => ({
    execute: (name, request, options) => real.execute(name, request, options),
    query: async (name, request, options) => {
      if (name === 'journal.read' && readsFail-- > 0) throw new TroupeError('NO_QUORUM', 'no majority');
      return real.query(name, request, options);
    },
    watch: (listener) => real.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  }),
};

const place = (node: AgentNode): Promise<void> => bench.place([0], node, 'echo');

describe('an ask', () => {
  test('brings the reply, from another node or from this one', async () => {
    await place(two);
    expect(await bench.settle(one.asks.ask(ME, 'say', 'hello'))).toBe('hello from n2');
    expect(await bench.settle(two.asks.ask(ME, 'say', 'hello'))).toBe('hello from n2');
  });

  test('fails with what the agent threw', async () => {
    await place(two);
    await expect(bench.settle(one.asks.ask(ME, 'fail', undefined))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('for a kind that nobody hosts fails at once', async () => {
    await expect(one.asks.ask({ kind: 'nobody', key: 'x' }, 'm', 1)).rejects.toMatchObject({
      code: 'UNKNOWN_AGENT',
      undelivered: { method: 'm', input: 1 },
    });
    await place(one);
    await expect(bench.settle(one.asks.ask(ME, 'failAsking', undefined))).rejects.toMatchObject({
      code: 'UNKNOWN_AGENT',
      undelivered: undefined,
    });
  });

  test('times out at its deadline, and its turn is aborted', async () => {
    await place(two);
    const asked = one.asks.ask(ME, 'wait', undefined, { timeoutMs: 300 });
    const startedAt = bench.clock.monotonic();
    await expect(bench.settle(asked)).rejects.toMatchObject({ code: 'TIMEOUT', address: 'agent:echo/k' });
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(320);
    await bench.clock.advance(50);
    expect(aborted).toHaveLength(1);
  });

  test('that is taken back fails at once, and its turn is aborted', async () => {
    await place(two);
    const stop = new AbortController();
    const asked = one.asks.ask(ME, 'wait', undefined, { signal: stop.signal });
    await bench.until(() => turns.length === 1);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    await bench.clock.advance(100);
    expect(aborted).toMatchObject([{ code: 'CANCELLED' }]);
    await expect(one.asks.ask(ME, 'wait', undefined, { signal: stop.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(turns).toHaveLength(1);
  });

  test('that nobody answers takes room: ten minutes of offers keep number and bytes at their limits, and the rest is refused', async () => {
    const asksOpen = { countMax: 30, bytesMax: 50_000 };
    const four = await joinAgents(bench, 'n4', [echo], { asksOpen });
    await place(two);
    const offer = async (bytes: number): Promise<unknown> => {
      const address = { kind: 'echo', key: `${offered++}` };
      return four.asks.ask(address, 'hold', 'x'.repeat(bytes), { timeoutMs: 600_000 }).catch((error: TroupeError) => {
        ended.push(error.code);
        if (error.code === 'OVERLOADED')
          expect(error.undelivered).toEqual({ method: 'hold', input: 'x'.repeat(bytes) });
      });
    };
    let offered = 0;
    const ended: string[] = [];
    for (let round = 0; round < 60; round++) {
      const large = round < 30;
      for (let i = 0; i < 50; i++) void offer(large ? 4_090 : 10);
      await bench.clock.advance(9_900);
      // Large ones come to the limit of bytes, small ones fill what is left.
      expect(four.asks.open).toBe(large ? 12 : 30);
      expect(four.asks.openBytes).toBeLessThanOrEqual(asksOpen.bytesMax);
      expect(ended).toHaveLength(offered - four.asks.open);
    }
    expect(new Set(ended)).toEqual(new Set(['OVERLOADED']));
    await bench.clock.advance(600_000);
    expect([four.asks.open, four.asks.openBytes]).toEqual([0, 0]);
    expect(ended.slice(-30)).toEqual(Array(30).fill('TIMEOUT'));
    expect(await bench.settle(four.asks.ask(ME, 'say', 'again'))).toBe('again from n2');
  });

  test('share a signal: it takes back all that wait, also after others were answered', async () => {
    await place(two);
    const stop = new AbortController();
    let listeners = 0;
    const { addEventListener } = stop.signal;
    stop.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(stop.signal, args);
    };
    const options = { signal: stop.signal };
    const [answered, ...waiting] = ['a', 'b', 'c'].map((key) =>
      one.asks.ask({ kind: 'echo', key }, key === 'a' ? 'say' : 'wait', key === 'a' ? 'hello' : undefined, options),
    );
    expect(await bench.settle(answered as Promise<unknown>)).toBe('hello from n2');
    expect(listeners).toBe(1);
    stop.abort();
    const codes = waiting.map((asked) => asked.catch((error: TroupeError) => error.code));
    expect(await bench.settle(Promise.all(codes))).toEqual(['CANCELLED', 'CANCELLED']);
  });

  test('waits for a shard that has no home yet', async () => {
    const asked = one.asks.ask(ME, 'say', 'hello');
    await bench.clock.advance(500);
    await place(three);
    expect(await bench.settle(asked)).toBe('hello from n3');
  });

  test('goes to the next owner when the owner dies', async () => {
    await place(two);
    const asked = one.asks.ask(ME, 'wait', undefined);
    await bench.until(() => turns.length === 1);
    await bench.kill(two);
    await place(three);
    await bench.until(() => turns.length === 2);
    gate.resolve();
    expect(await bench.settle(asked)).toBe('waited on n3');
    expect(turns).toEqual(['n2 wait', 'n3 wait']);
  });

  test('goes to the next owner also when it was sent before the shard had one', async () => {
    const asked = one.asks.ask(ME, 'wait', undefined);
    await place(two);
    await bench.until(() => turns.length === 1);
    await bench.kill(two);
    await place(three);
    gate.resolve();
    expect(await bench.settle(asked)).toBe('waited on n3');
  });

  test('is sent again when a node on its way dies that may have had it, though the owner lives', async () => {
    await place(two);
    // Lost on the way to node 2, which hands the shard over and dies.
    bench.network.hole('n1', 'n2');
    const asked = one.asks.ask(ME, 'say', 'hello');
    await bench.clock.advance(50);
    await handOver(bench, two, three, 'echo');
    await bench.kill(two);
    expect(await bench.settle(asked)).toBe('hello from n3');
  });

  test('is sent again when owners were skipped unseen', async () => {
    await place(two);
    bench.network.hole('n1', 'n2');
    const asked = one.asks.ask(ME, 'say', 'hello');
    await bench.clock.advance(50);
    one.stopWatch();
    for (const [from, to, epoch] of [
      [two, three, 1],
      [three, two, 2],
      [two, three, 3],
    ] as const) {
      const fences = [{ ...SHARD, epoch }];
      await bench.settle(from.coordinator.execute('shards.transfer', { fences, to: to.self }));
    }
    const view = await bench.settle(three.coordinator.query('cluster.view', {}));
    one.map.accept({ type: 'view', view });
    expect(await bench.settle(asked)).toBe('hello from n3');
  });

  test('isn’t sent again after a live move: its message moved along', async () => {
    await place(two);
    const asked = one.asks.ask(ME, 'wait', undefined);
    await bench.until(() => turns.length === 1);
    const waiting = one.asks.ask(ME, 'add', 1);
    await bench.clock.advance(50);
    let sent = 0;
    const { send } = one.links;
    one.links.send = (peer, lane, envelope) => {
      if (envelope.kind === 'ask' && envelope.to.startsWith('agent:')) sent++;
      return send.call(one.links, peer, lane, envelope);
    };
    const moving = handOver(bench, two, three, 'echo');
    await bench.clock.advance(100);
    gate.resolve();
    await bench.settle(moving);
    expect(await bench.settle(asked)).toBe('waited on n2');
    expect(await bench.settle(waiting)).toBe(1);
    await bench.clock.advance(1_000);
    expect(turns).toEqual(['n2 wait', 'n3 add']);
    expect(sent).toBe(0);
  });

  test('is sent again after a passing refusal, until its deadline', async () => {
    await place(two);
    readsFail = 3;
    expect(await bench.settle(one.asks.ask(ME, 'say', 'hello'))).toBe('hello from n2');
    readsFail = 1_000;
    await expect(bench.settle(one.asks.ask({ ...ME, key: 'l' }, 'say', 'x', { timeoutMs: 500 }))).rejects.toMatchObject(
      {
        code: 'TIMEOUT',
      },
    );
    expect(1_000 - readsFail).toBeGreaterThan(5);
    expect(1_000 - readsFail).toBeLessThan(15);
    readsFail = 0;
  });

  test('that is taken back while it waits to be sent again is never sent again', async () => {
    await place(two);
    readsFail = 1;
    const stop = new AbortController();
    const asked = one.asks.ask(ME, 'add', 1, { signal: stop.signal });
    await bench.until(() => readsFail === 0);
    await bench.clock.advance(15);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    await bench.clock.advance(500);
    expect(turns).toEqual([]);
  });

  test('that was sent twice to the agent that has it is aborted when it is taken back once', async () => {
    await place(three);
    const stop = new AbortController();
    const asked = one.asks.ask(ME, 'wait', undefined, { signal: stop.signal });
    await bench.until(() => turns.length === 1);
    await handOver(bench, three, two, 'echo', 0, 0);
    await bench.until(() => turns.length === 2);
    aborted = [];
    await bench.kill(three);
    await bench.clock.advance(100);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    await bench.clock.advance(100);
    expect(aborted).toHaveLength(1);
    expect(turns).toEqual(['n3 wait', 'n2 wait']);
  });

  test('with an endless time limit doesn’t time out at once', async () => {
    await place(two);
    const delays: number[] = [];
    const { schedule } = bench.clock;
    bench.clock.schedule = (delayMs, fn) => {
      delays.push(delayMs);
      return schedule.call(bench.clock, delayMs, fn);
    };
    const asked = one.asks.ask(ME, 'wait', undefined, { timeoutMs: Number.POSITIVE_INFINITY });
    await bench.clock.advance(60_000);
    gate.resolve();
    expect(await bench.settle(asked)).toBe('waited on n2');
    // A longer delay makes a timer of Node fire at once.
    expect(Math.max(...delays)).toBeLessThan(2 ** 31);
  });

  test('whose reply can’t be read fails, rather than wait for its deadline', async () => {
    await place(two);
    two.router.attach({
      adopt: () => undefined,
      deliver: (_address, _shard, { correlation }) =>
        two.peers.reply(one.self, correlation, new Uint8Array([0xc1, 0xff]), undefined),
    });
    await expect(bench.settle(one.asks.ask(ME, 'say', 'x'))).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  test('what can’t be encoded fails, and leaves nothing behind', async () => {
    await place(two);
    const before = bench.clock.pending;
    await expect(one.asks.ask(ME, 'say', Symbol('no'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(bench.clock.pending).toBe(before);
  });

  test('leaves no timer and no listener behind, however it ended', async () => {
    await place(two);
    await bench.settle(one.asks.ask(ME, 'say', 'warm up'));
    await bench.clock.advance(100);
    const before = bench.clock.pending;
    const stop = new AbortController();
    const { signal } = stop;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await bench.settle(one.asks.ask(ME, 'say', 'x', { signal }));
    await bench.settle(one.asks.ask(ME, 'fail', undefined, { signal })).catch(() => undefined);
    await bench.clock.advance(1_000);
    expect(listeners).toBe(0);
    expect(bench.clock.pending).toBe(before);
  });

  test('fails at once when this life of the node ends, and no new one begins', async () => {
    await place(two);
    const asked = one.asks.ask(ME, 'wait', undefined);
    await bench.until(() => turns.length === 1);
    one.asks.close();
    await expect(asked).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(one.asks.ask(ME, 'say', 'x')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('a tell', () => {
  test('arrives once, and under the same id never again', async () => {
    await place(two);
    await bench.settle(one.asks.tell(ME, 'add', 1));
    await bench.settle(one.asks.tell(ME, 'add', 1));
    await bench.settle(one.asks.tell(ME, 'add', 10, 'the same'));
    await bench.settle(one.asks.tell(ME, 'add', 10, 'the same'));
    expect(await bench.settle(one.asks.ask(ME, 'add', 0))).toBe(12);
  });

  test('to a kind that nobody hosts is refused', async () => {
    await expect(one.asks.tell({ kind: 'nobody', key: 'x' }, 'm', 1)).rejects.toMatchObject({ code: 'UNKNOWN_AGENT' });
  });
});
