import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AgentSpec, defineAgent } from '../../../src/agent/index.ts';
import { askerName } from '../../../src/cluster/index.ts';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { TroupeError } from '../../../src/core/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { type AgentNode, handOver, joinAgents } from './bench.ts';

/** What `wait` waits for, by its input. */
let gates: Map<string, PromiseWithResolvers<void>>;
/** Turns that began, in order: `n1 wait a`. */
let turns: string[];
let aborted: string[];

interface Notes {
  readonly notes: readonly string[];
}
const messages = {
  note: { input: z.string() },
  read: { input: z.undefined() },
  wait: { input: z.string() },
  obey: { input: z.undefined() },
  crash: { input: z.undefined() },
  spoil: { input: z.undefined() },
  tooLong: { input: z.undefined(), output: z.string().max(3) },
};
const spec: AgentSpec<Notes, typeof messages> = {
  state: () => ({ notes: [] }),
  shards: 1,
  messages,
  handlers: {
    note(ctx, text) {
      turns.push(`${ctx.node.node} note ${text}`);
      ctx.setState({ notes: [...ctx.state.notes, text] });
      return ctx.state.notes.length;
    },
    read: (ctx) => ctx.state.notes,
    async wait(ctx, name) {
      turns.push(`${ctx.node.node} wait ${name}`);
      ctx.signal.addEventListener('abort', () => aborted.push(name), { once: true });
      await gates.get(name)?.promise;
      return `${name} on ${ctx.node.node}`;
    },
    obey(ctx) {
      turns.push(`${ctx.node.node} obey`);
      if (ctx.node.node === 'n2') return 'obeyed on n2';
      return new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true });
      });
    },
    crash: () => {
      throw new RangeError('boom');
    },
    spoil(ctx) {
      (ctx.state.notes as string[]).push('spoilt');
      throw new TroupeError('CANCELLED', 'thought better of it');
    },
    tooLong: () => 'much too long',
  },
};

const plain = defineAgent('plain', spec);
const small = (overflow: 'reject' | 'drop-oldest' | 'drop-newest' | 'backpressure', kind: string) =>
  defineAgent(kind, { ...spec, mailbox: { capacity: 2, overflow } });
const kinds = [
  plain,
  small('reject', 'reject'),
  small('drop-oldest', 'drop-oldest'),
  small('drop-newest', 'drop-newest'),
  small('backpressure', 'backpressure'),
  defineAgent('brittle', { ...spec, supervision: { intensity: 1, periodMs: 5_000 } }),
  defineAgent('mortal', { ...spec, supervision: { restart: 'temporary' } }),
  defineAgent('brief', { ...spec, passivateAfterMs: 2_000 }),
];

let bench: Bench;
let one: AgentNode;
let two: AgentNode;
/** Fails this many calls of a name on node 1. */
let failing: Map<string, TroupeError[]>;

beforeEach(async () => {
  gates = new Map();
  turns = [];
  aborted = [];
  failing = new Map();
  bench = await Bench.start();
  const fail = (name: string): void => {
    const error = failing.get(name)?.shift();
    if (error !== undefined) throw error;
  };
  const coordinator = (real: Coordinator): Coordinator => ({
    execute: async (name, request, options) => {
      fail(name);
      return real.execute(name, request, options);
    },
    query: async (name, request, options) => {
      fail(name);
      return real.query(name, request, options);
    },
    watch: (listener) => real.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  });
  one = await joinAgents(bench, 'n1', kinds, { coordinator });
  two = await joinAgents(bench, 'n2', kinds);
  for (const { kind } of kinds) await bench.place([0], one, kind);
});
afterEach(() => bench.close());

const gate = (name: string): PromiseWithResolvers<void> => {
  const made = Promise.withResolvers<void>();
  gates.set(name, made);
  return made;
};
const ask = (
  method: keyof typeof messages,
  input?: unknown,
  options = {},
  kind = 'plain',
  key = 'k',
): Promise<unknown> => {
  const asked = two.asks.ask({ kind, key }, method, input, options);
  asked.catch(() => undefined);
  return asked;
};
const settle = <T>(promise: Promise<T>): Promise<T> => bench.settle(promise);
const began = (count: number): Promise<void> => bench.until(() => turns.length >= count);
/** An agent that is busy with `hold`, with messages that arrived in order behind it. */
async function busy(
  kind: string,
  names: readonly string[],
): Promise<{ held: Promise<unknown>; waiting: Promise<unknown>[] }> {
  gate('hold');
  const held = ask('wait', 'hold', {}, kind);
  await began(1);
  const waiting: Promise<unknown>[] = [];
  for (const name of names) {
    waiting.push(ask('note', name, {}, kind));
    await bench.clock.advance(20);
  }
  return { held, waiting };
}
const outcomes = async (asked: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await settle(Promise.allSettled(asked))).map((o) =>
    o.status === 'fulfilled' ? o.value : (o.reason as TroupeError).code,
  );

describe('an agent', () => {
  test('is activated by its first message and leaves memory after it has had nothing to do for a while', async () => {
    await settle(ask('note', 'a', {}, 'brief'));
    expect(one.runtime.residents).toBe(1);
    await bench.clock.advance(1_500);
    await settle(ask('note', 'b', {}, 'brief'));
    await bench.clock.advance(1_500);
    expect(one.runtime.residents).toBe(1);
    await bench.clock.advance(2_000);
    expect(one.runtime.residents).toBe(0);
    expect(await settle(ask('read', undefined, {}, 'brief'))).toEqual(['a', 'b']);
  });

  test('doesn’t leave memory while a turn runs', async () => {
    const { held } = await busy('brief', []);
    await bench.clock.advance(8_000);
    expect(one.runtime.residents).toBe(1);
    gates.get('hold')?.resolve();
    expect(await settle(held)).toBe('hold on n1');
    await bench.clock.advance(4_000);
    expect(one.runtime.residents).toBe(0);
  });

  test('isn’t activated by somebody who takes a request back', async () => {
    const cancel: Envelope = {
      kind: 'cancel',
      to: 'agent:plain/k',
      correlation: 7,
      method: 'read',
      payload: new Uint8Array(0),
    };
    one.runtime.deliver({ kind: 'plain', key: 'k' }, { group: 'plain', shard: 0 }, { ...cancel, requestId: 'r' });
    expect(one.runtime.residents).toBe(0);
  });

  test('is refused when too many are resident, and takes the place of one that left', async () => {
    const three = await joinAgents(bench, 'n3', kinds, { residentsMax: 2 });
    await settle(
      one.coordinator.execute('shards.transfer', { fences: [{ group: 'brief', shard: 0, epoch: 1 }], to: three.self }),
    );
    await bench.settled();
    for (const key of ['a', 'b']) await settle(ask('note', key, {}, 'brief', key));
    await expect(settle(ask('note', 'c', {}, 'brief', 'c'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(three.runtime.residents).toBe(2);
    await bench.clock.advance(4_000);
    expect(await settle(ask('note', 'c', {}, 'brief', 'c'))).toBe(1);
  });

  test('needs a request id with every message: two without one would be taken for the same', async () => {
    const answered: unknown[] = [];
    const correlation = two.peers.expect(undefined, 1_000, (_reply, error) => answered.push(error?.code));
    const from = askerName(two.self);
    const nameless = {
      kind: 'ask',
      to: 'agent:plain/k',
      correlation,
      method: 'note',
      payload: encodePayload('a'),
      from,
    } as const;
    two.links.send(one.self, 'user', nameless);
    await bench.until(() => answered.length > 0);
    expect(answered).toEqual(['PROTOCOL_VIOLATION']);
    expect(turns).toEqual([]);
  });
});

describe('a request', () => {
  test('that comes again while it runs is answered with it, once for each asker', async () => {
    gate('a');
    const asked = [0, 1].map(() => ask('wait', 'a', { requestId: 'same' }));
    asked.push(one.asks.ask({ kind: 'plain', key: 'k' }, 'wait', 'a', { requestId: 'same' }));
    await began(1);
    await bench.clock.advance(50);
    gates.get('a')?.resolve();
    expect(await settle(Promise.all(asked))).toEqual(new Array(3).fill('a on n1'));
    expect(turns).toEqual(['n1 wait a']);
  });

  test('that comes again after it was done gets the recorded reply', async () => {
    expect(await settle(ask('note', 'a', { requestId: 'same' }))).toBe(1);
    expect(await settle(ask('note', 'a', { requestId: 'same' }))).toBe(1);
    expect(await settle(ask('read'))).toEqual(['a']);
  });

  test('that one of two askers takes back goes on for the other, and is aborted when both did', async () => {
    gate('a');
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map(({ signal }) => ask('wait', 'a', { requestId: 'same', signal }));
    await began(1);
    await bench.clock.advance(50);
    stops[0]?.abort();
    await bench.clock.advance(50);
    expect(aborted).toEqual([]);
    stops[1]?.abort();
    await bench.clock.advance(50);
    expect(aborted).toEqual(['a']);
    expect(await outcomes(asked)).toEqual(['CANCELLED', 'CANCELLED']);
  });

  test('whose first asker’s deadline passes while it waits is still done for one who waits longer', async () => {
    const { held } = await busy('plain', []);
    const asked = [
      ask('note', 'a', { requestId: 'same', timeoutMs: 200 }),
      ask('note', 'a', { requestId: 'same', timeoutMs: 5_000 }),
    ];
    await bench.clock.advance(500);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await outcomes(asked)).toEqual(['TIMEOUT', 1]);
  });

  test('whose deadline passed while it waited isn’t begun', async () => {
    const { held } = await busy('plain', []);
    const asked = ask('note', 'late', { timeoutMs: 100 });
    await bench.clock.advance(300);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await outcomes([asked])).toEqual(['TIMEOUT']);
    expect(await settle(ask('read'))).toEqual([]);
  });
});

describe('a message', () => {
  test('whose deadline passed while it waited isn’t begun, though nobody took it back', async () => {
    const { held } = await busy('plain', []);
    const from = askerName(two.self);
    const late: Envelope = { ...message('note', 'late'), kind: 'ask', correlation: 7, from, timeoutMs: 100 };
    two.links.send(one.self, 'user', late);
    await bench.clock.advance(300);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await settle(ask('read'))).toEqual([]);
  });
});

describe('a full mailbox', () => {
  test('refuses the newest, whose asker hears it', async () => {
    const { held, waiting } = await busy('reject', ['a', 'b', 'c']);
    expect(await outcomes([waiting[2] as Promise<unknown>])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 'MAILBOX_FULL']);
  });

  test('drops the oldest that waits, whose asker hears it', async () => {
    const { held, waiting } = await busy('drop-oldest', ['a', 'b', 'c']);
    expect(await outcomes([waiting[0] as Promise<unknown>])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 'MAILBOX_FULL', 1, 2]);
    expect(await settle(ask('read', undefined, {}, 'drop-oldest'))).toEqual(['b', 'c']);
  });

  test('drops the newest, whose asker hears it', async () => {
    const { held, waiting } = await busy('drop-newest', ['a', 'b', 'c']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 'MAILBOX_FULL']);
  });

  test('lets senders wait, and nothing is lost', async () => {
    const { held, waiting } = await busy('backpressure', ['a', 'b', 'c', 'd', 'e']);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2, 3, 4, 5]);
  });

  test('that dropped a request doesn’t take a repetition for the one that waits, and lets the agent leave', async () => {
    const { held } = await busy('drop-oldest', []);
    const first = ask('note', 'a', { requestId: 'same' }, 'drop-oldest');
    await bench.clock.advance(20);
    for (const name of ['b', 'c']) void ask('note', name, {}, 'drop-oldest');
    expect(await outcomes([first])).toEqual(['MAILBOX_FULL']);
    gates.get('hold')?.resolve();
    await settle(held);
    expect(await settle(ask('note', 'a', { requestId: 'same' }, 'drop-oldest'))).toBe(3);
    await bench.clock.advance(62_000);
    expect(one.runtime.residents).toBe(0);
  });
});

describe('a crash', () => {
  test('costs its message only; what waits is served after the restart, from the durable state', async () => {
    await settle(ask('note', 'a'));
    gate('hold');
    const held = ask('wait', 'hold');
    await began(2);
    const asked = [ask('crash'), ask('note', 'b')];
    await bench.clock.advance(20);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...asked])).toEqual(['hold on n1', 'HANDLER_FAILED', 2]);
  });

  test('too many in a row put the agent to rest: its messages are refused, and it serves again after that', async () => {
    for (let i = 0; i < 2; i++) await settle(ask('crash', undefined, {}, 'brittle')).catch(() => undefined);
    await expect(settle(ask('note', 'a', {}, 'brittle'))).rejects.toMatchObject({ code: 'ACTOR_TERMINATED' });
    expect(await settle(ask('note', 'a', {}, 'brittle', 'another'))).toBe(1);
    await bench.clock.advance(7_000);
    expect(await settle(ask('note', 'a', {}, 'brittle'))).toBe(1);
  });

  test('too many in a row leave nobody waiting who asked before', async () => {
    gate('hold');
    const held = ask('wait', 'hold', {}, 'brittle');
    await began(1);
    const asked = [
      ask('crash', undefined, {}, 'brittle'),
      ask('crash', undefined, {}, 'brittle'),
      ask('note', 'a', {}, 'brittle'),
    ];
    await bench.clock.advance(20);
    gates.get('hold')?.resolve();
    const startedAt = bench.clock.monotonic();
    expect(await outcomes([held, ...asked])).toEqual([
      'hold on n1',
      'HANDLER_FAILED',
      'HANDLER_FAILED',
      'ACTOR_TERMINATED',
    ]);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(1_000);
  });

  test('of a temporary agent ends it, and the next message brings another', async () => {
    for (let i = 0; i < 10; i++) await settle(ask('crash', undefined, {}, 'mortal')).catch(() => undefined);
    expect(await settle(ask('note', 'a', {}, 'mortal'))).toBe(1);
  });

  test('isn’t what a sender can cause: unknown messages, bad input and bytes that aren’t a body are refused', async () => {
    const bytes = new Uint8Array([0xc1, 0xff, 0x00]);
    const answered: unknown[] = [];
    for (let i = 0; i < 10; i++) {
      for (const method of ['fly', 'constructor', '__proto__', 'toString']) {
        await expect(settle(two.asks.ask({ kind: 'brittle', key: 'k' }, method, 1))).rejects.toMatchObject({
          code: 'UNKNOWN_MESSAGE',
        });
      }
      await expect(settle(ask('note', 12, {}, 'brittle'))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      await expect(settle(ask('tooLong', undefined, {}, 'brittle'))).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
      const correlation = two.peers.expect(undefined, 1_000, (_reply, error) => answered.push(error?.code));
      const from = askerName(two.self);
      const to = 'agent:brittle/k';
      two.links.send(one.self, 'user', {
        kind: 'ask',
        to,
        correlation,
        method: 'note',
        payload: bytes,
        from,
        requestId: `${i}`,
      });
    }
    await bench.until(() => answered.length === 10);
    expect(new Set(answered)).toEqual(new Set(['PROTOCOL_VIOLATION']));
    expect(await settle(ask('note', 'a', {}, 'brittle'))).toBe(1);
  });

  test('or a failed turn leaves no trace in the state, even of one that was changed in place', async () => {
    await settle(ask('note', 'a'));
    await expect(settle(ask('spoil'))).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await settle(ask('read'))).toEqual(['a']);
  });
});

describe('a ledger that can’t be reached', () => {
  test('is asked again, and the asker never hears of it', async () => {
    const error = new TroupeError('TIMEOUT', 'no answer');
    failing.set('journal.read', [error, error]);
    failing.set('journal.append', [error]);
    expect(await settle(ask('note', 'a'))).toBe(1);
    expect(await settle(ask('read'))).toEqual(['a']);
  });

  test('or one that had made a write whose answer was lost does no harm: the turn isn’t done twice', async () => {
    await settle(ask('note', 'a'));
    failing.set('journal.append', [new TroupeError('JOURNAL_CONFLICT', 'the journal is at another version')]);
    expect(await settle(ask('note', 'b'))).toBe(2);
    expect(await settle(ask('read'))).toEqual(['a', 'b']);
  });

  test('tells an asker when it refuses what the agent wrote, and the agent goes on', async () => {
    failing.set('journal.append', [new TroupeError('MESSAGE_TOO_LARGE', 'over the limit')]);
    await expect(settle(ask('note', 'huge'))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await settle(ask('note', 'a'))).toBe(1);
  });
});

describe('a move', () => {
  test('keeps state, messages, their order and their askers; what ran and finished isn’t run again', async () => {
    await settle(ask('note', 'before'));
    turns = [];
    const { held, waiting } = await busy('plain', ['a', 'b', 'c']);
    const moving = handOver(bench, one, two, 'plain');
    await bench.clock.advance(100);
    expect(turns).toEqual(['n1 wait hold']);
    gates.get('hold')?.resolve();
    const cargo = await moving;
    expect(cargo.agents.map(({ messages: mail }) => mail.length)).toEqual([3]);
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 2, 3, 4]);
    expect(turns.slice(1)).toEqual(['n2 note a', 'n2 note b', 'n2 note c']);
    expect([one.runtime.residents, two.runtime.residents]).toEqual([0, 1]);
  });

  test('cuts a turn off that doesn’t end in time, and runs it again first', async () => {
    const { held, waiting } = await busy('plain', ['a']);
    await handOver(bench, one, two, 'plain', 0, 200);
    expect(aborted).toEqual(['hold']);
    await began(2);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n2', 1]);
    expect(turns).toEqual(['n1 wait hold', 'n2 wait hold', 'n2 note a']);
  });

  test('keeps what is left of each deadline', async () => {
    const { held } = await busy('plain', []);
    const asked = ask('note', 'a', { timeoutMs: 1_000 });
    await bench.clock.advance(300);
    const moving = one.runtime.release({ group: 'plain', shard: 0 }, bench.clock.monotonic(), bench.clock.monotonic());
    const cargo = await settle(moving);
    const left = cargo.agents[0]?.messages.map(({ timeoutMs }) => Math.round(timeoutMs ?? -1));
    expect(left?.[1]).toBeGreaterThan(600);
    expect(left?.[1]).toBeLessThanOrEqual(700);
    void held;
    void asked;
  });

  test('keeps every asker of a request', async () => {
    gate('a');
    const asked = [0, 1].map(() => ask('wait', 'a', { requestId: 'same' }));
    await began(1);
    await bench.clock.advance(50);
    const cargo = await handOver(bench, one, two, 'plain', 0, 100);
    expect(new Set(cargo.agents[0]?.messages.map(({ correlation }) => correlation)).size).toBe(2);
    gates.get('a')?.resolve();
    expect(await settle(Promise.all(asked))).toEqual(['a on n2', 'a on n2']);
    expect(turns).toEqual(['n1 wait a', 'n2 wait a']);
  });

  test('keeps a full mailbox and the message that runs, though that is one more than fits', async () => {
    const { held, waiting } = await busy('reject', ['a', 'b']);
    await handOver(bench, one, two, 'reject', 0, 100);
    await began(2);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n2', 1, 2]);
  });

  test('keeps the messages whose senders wait for room', async () => {
    const { held, waiting } = await busy('backpressure', ['a', 'b', 'c', 'd', 'e']);
    await handOver(bench, one, two, 'backpressure', 0, 100);
    await began(2);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n2', 1, 2, 3, 4, 5]);
  });

  test('that is put back goes on where it was', async () => {
    const { held, waiting } = await busy('plain', ['a', 'b']);
    const id = { group: 'plain', shard: 0 };
    one.router.line(id).freeze();
    const now = bench.clock.monotonic();
    const cargo = await settle(one.runtime.release(id, now, now));
    expect(one.runtime.residents).toBe(0);
    one.runtime.load(id, cargo);
    one.router.line(id).thaw();
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2]);
  });

  test('takes nothing along that was taken back or is too late', async () => {
    const stop = new AbortController();
    const { held } = await busy('plain', []);
    const asked = [ask('note', 'a', { signal: stop.signal }), ask('note', 'b', { timeoutMs: 100 }), ask('note', 'c')];
    await bench.clock.advance(200);
    stop.abort();
    await bench.clock.advance(50);
    await handOver(bench, one, two, 'plain', 0, 100);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...asked])).toEqual(['hold on n2', 'CANCELLED', 'TIMEOUT', 1]);
    expect(turns).toEqual(['n1 wait hold', 'n2 wait hold', 'n2 note c']);
  });
});

describe('the fence', () => {
  const id = { group: 'plain', shard: 0 };

  test('holds against mail that is put back after the shard has gone: nobody acts under the next owner’s epoch', async () => {
    await settle(ask('note', 'a'));
    const now = bench.clock.monotonic();
    one.router.line(id).freeze();
    const cargo = { agents: [{ key: 'k', messages: [message('note', 'zombie')] }] };
    await settle(one.runtime.release(id, now, now));
    await settle(one.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 1 }], to: two.self }));
    await bench.settled();
    one.runtime.load(id, cargo);
    await bench.clock.advance(500);
    expect(one.runtime.residents).toBe(0);
    expect(await settle(ask('read'))).toEqual(['a']);
  });

  test('moves on with a shard that went and came back unseen: no agent of the earlier epoch is left', async () => {
    await settle(ask('note', 'a'));
    one.stopWatch();
    await settle(one.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 1 }], to: two.self }));
    await bench.until(() => two.map.shard(id)?.epoch === 2);
    await settle(two.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 2 }], to: one.self }));
    const view = await settle(two.coordinator.query('cluster.view', {}));
    one.map.accept({ type: 'view', view });
    expect(one.runtime.residents).toBe(0);
    const startedAt = bench.clock.monotonic();
    expect(await settle(ask('note', 'b'))).toBe(2);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(200);
  });

  test('gives a shard that went and came back in one delivery to the newest agents, with their mail', async () => {
    await settle(ask('note', 'a'));
    one.staged.set('plain:0', { agents: [{ key: 'k', messages: [message('note', 'cargo')] }] });
    one.stopWatch();
    await settle(one.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 1 }], to: two.self }));
    await bench.until(() => two.map.shard(id)?.epoch === 2);
    await settle(two.coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: 2 }], to: one.self }));
    const shards = [
      { ...id, epoch: 2, owner: two.self },
      { ...id, epoch: 3, owner: one.self },
    ];
    const events = shards.map((shard) => ({ type: 'shards', index: 1, term: 1, time: 0, shards: [shard] }) as const);
    one.map.accept({ type: 'events', index: one.map.index + 1, events });
    await bench.until(() => turns.includes('n1 note cargo'));
    expect(await settle(ask('read'))).toEqual(['a', 'cargo']);
  });

  test('ends turns whose shard was taken away, and nothing of theirs is committed', async () => {
    const { held } = await busy('plain', []);
    await settle(two.coordinator.execute('node.down', { ...one.self, reason: 'paused' }));
    await bench.until(() => aborted.length === 1);
    expect(one.runtime.residents).toBe(0);
    await bench.place([0], two, 'plain');
    gates.get('hold')?.resolve();
    expect(await settle(held)).toBe('hold on n2');
  });
});

describe('the runtime', () => {
  test('counts agents and their messages as the value of a shard, and its longest turn', async () => {
    const shard = { group: 'plain', shard: 0 };
    expect([one.runtime.value(shard), one.runtime.turnMs(shard)]).toEqual([0, 0]);
    await busy('plain', ['a', 'b']);
    await bench.clock.advance(300);
    expect(one.runtime.value(shard)).toBe(4);
    expect(one.runtime.turnMs(shard)).toBeGreaterThanOrEqual(300);
    gates.get('hold')?.resolve();
    await bench.until(() => turns.length === 3);
    await bench.clock.advance(50);
    expect([one.runtime.value(shard), one.runtime.turnMs(shard)]).toEqual([1, 0]);
  });

  test('ends its agents when it closes, and those who asked ask their next home', async () => {
    const { waiting } = await busy('plain', ['a']);
    waiting.push(ask('obey', undefined, {}, 'brief'));
    await began(2);
    await settle(one.runtime.close(100));
    await bench.clock.advance(20);
    await bench.kill(one);
    await bench.place([0], two, 'plain');
    await bench.place([0], two, 'brief');
    gates.get('hold')?.resolve();
    expect(await outcomes(waiting)).toEqual([1, 'obeyed on n2']);
  });
});

/** A tell from nobody in particular. */
function message(method: string, input: unknown): Envelope {
  const requestId = `${method} ${input}`;
  return { kind: 'tell', to: 'agent:plain/k', correlation: 0, method, payload: encodePayload(input), requestId };
}
