import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cargo, PauseLimits } from '../../../src/cluster/index.ts';
import type { Envelope } from '../../../src/remote/index.ts';
import { handOver } from './bench.ts';
import {
  aborted,
  ask,
  began,
  bench,
  busy,
  gate,
  gates,
  message,
  one,
  outcomes,
  settle,
  setUp,
  turns,
  two,
} from './notebook.ts';

/** Mail for one agent. */
const cargoOf = (...messages: Envelope[]): Cargo => ({
  residents: 1,
  agents: [{ key: 'k', messages }],
  watches: [],
  subscriptions: [],
});

beforeEach(setUp);
afterEach(() => bench.close());

describe('a move', () => {
  test('keeps state, messages, their order and their askers; what ran and finished isn’t run again', async () => {
    await settle(ask('note', 'before'));
    turns.length = 0;
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
    const moving = one.runtime.release({ group: 'plain', shard: 0 }, bench.clock.monotonic(), two.self);
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

  test('keeps the message that runs, though with it there are more bytes than fit', async () => {
    const { held, waiting } = await busy('light', ['a'.repeat(597), 'b'.repeat(397)]);
    await handOver(bench, one, two, 'light', 0, 100);
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
    const cargo = await settle(one.runtime.release(id, now, two.self));
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

describe('a pause before a move', () => {
  const id = { group: 'plain', shard: 0 };
  const limits = (standMs: number, waitMs: number): PauseLimits => ({ standMs, waitMs });

  test('lets nobody stand still for long: the limit counts from when another agent’s turn would have begun', async () => {
    const { held } = await busy('plain', []);
    const startedAt = bench.clock.monotonic();
    let endedAt = 0;
    void one.runtime.pause(id, limits(100, 60_000)).then((stoodMs) => {
      expect(stoodMs).toBeUndefined();
      endedAt = bench.clock.monotonic();
    });
    await bench.clock.advance(5_000);
    expect(endedAt).toBe(0);
    const other = ask('note', 'b', {}, 'plain', 'other');
    await bench.until(() => endedAt > 0);
    expect(endedAt - startedAt).toBeGreaterThanOrEqual(5_100);
    expect(endedAt - startedAt).toBeLessThan(5_200);
    one.runtime.resume(id);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, other])).toEqual(['hold on n1', 1]);
  });

  test('lets nobody stand still for a turn that has been at the same for longer than that already', async () => {
    const { held } = await busy('plain', []);
    await bench.clock.advance(500);
    const paused = one.runtime.pause(id, limits(200, 60_000));
    const askedAt = bench.clock.monotonic();
    const other = ask('note', 'b', {}, 'plain', 'other');
    expect(await settle(paused)).toBeUndefined();
    expect(bench.clock.monotonic() - askedAt).toBeLessThan(100);
    one.runtime.resume(id);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, other])).toEqual(['hold on n1', 1]);
  });

  test('ends when turns stand before a step: they run again at the next home, behind the finished ones', async () => {
    gate('slow');
    const asked = ask('work', ['slow', 'next']);
    await began(1);
    const moving = handOver(bench, one, two, 'plain');
    await bench.clock.advance(300);
    expect(one.map.shard(id)?.owner?.node).toBe('n1');
    gates.get('slow')?.resolve();
    await moving;
    expect(await settle(asked)).toBe('worked on n2');
    expect(turns).toEqual(['n1 step slow', 'n2 step next']);
    expect(aborted).toEqual([]);
  });

  test('holds a step up only until the move is put off', async () => {
    gate('slow');
    gate('long');
    const asked = [ask('work', ['slow', 'next']), ask('wait', 'long', {}, 'plain', 'other')];
    await began(2);
    const paused = one.runtime.pause(id, limits(100, 1_000));
    gates.get('slow')?.resolve();
    expect(await settle(paused)).toBeUndefined();
    expect(turns).toHaveLength(2);
    one.runtime.resume(id);
    await began(3);
    gates.get('long')?.resolve();
    expect(await outcomes(asked)).toEqual(['worked on n1', 'long on n1']);
  });

  test('is known to be in vain where a step takes long and another agent would stand still for it', async () => {
    gate('slow');
    gate('next');
    gate('long');
    const asked = [ask('work', ['slow', 'next'])];
    await began(1);
    await bench.clock.advance(500);
    expect(one.runtime.turnMs(id)).toBe(0);
    asked.push(ask('wait', 'long', {}, 'plain', 'other'));
    await began(2);
    expect(one.runtime.turnMs(id)).toBeGreaterThanOrEqual(500);
    gates.get('slow')?.resolve();
    await began(3);
    expect(one.runtime.turnMs(id)).toBeLessThan(100);
    for (const each of gates.values()) each.resolve();
    expect(await outcomes(asked)).toEqual(['worked on n1', 'long on n1']);
  });

  test('waits for all steps of a turn that are under way', async () => {
    gate('slow');
    gate('slower');
    const asked = ask('beside', ['slow', 'slower', 'third']);
    await began(2);
    const moving = handOver(bench, one, two, 'plain');
    gates.get('slow')?.resolve();
    await bench.clock.advance(300);
    expect(turns).toHaveLength(2);
    gates.get('slower')?.resolve();
    await moving;
    expect(await settle(asked)).toBe('worked on n2');
    expect(turns.slice(2)).toEqual(['n2 step third']);
  });

  test('begins no turn, waits for those that run, and turns go on in order when the move is put off', async () => {
    const { held, waiting } = await busy('plain', ['a', 'b']);
    let stoodMs: number | undefined;
    void one.runtime.pause(id, limits(0, 1_000)).then((ms) => {
      stoodMs = ms;
    });
    await bench.clock.advance(500);
    expect(stoodMs).toBeUndefined();
    gates.get('hold')?.resolve();
    await bench.until(() => stoodMs !== undefined);
    expect(stoodMs).toBeLessThan(20);
    await bench.clock.advance(500);
    expect(turns).toEqual(['n1 wait hold']);
    one.runtime.resume(id);
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1, 2]);
  });

  test('ends without quiet when a turn goes on', async () => {
    const { held, waiting } = await busy('plain', ['a']);
    expect(await settle(one.runtime.pause(id, limits(0, 200)))).toBeUndefined();
    one.runtime.resume(id);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, ...waiting])).toEqual(['hold on n1', 1]);
  });

  test('takes along, as the first, the message whose turn it kept from beginning', async () => {
    await settle(ask('note', 'before'));
    expect(await settle(one.runtime.pause(id, limits(0, 200)))).toBe(0);
    const asked = ['a', 'b'].map((text) => ask('note', text));
    await bench.clock.advance(50);
    const cargo = await handOver(bench, one, two, 'plain', 0, 0);
    expect(cargo.agents[0]?.messages).toHaveLength(2);
    expect(await outcomes(asked)).toEqual([2, 3]);
    expect(turns.slice(1)).toEqual(['n2 note a', 'n2 note b']);
  });

  test('begins nothing of a shard that was lost meanwhile', async () => {
    await settle(ask('note', 'before'));
    await settle(one.runtime.pause(id, limits(0, 200)));
    const asked = ask('note', 'a');
    await bench.clock.advance(50);
    await settle(two.coordinator.execute('node.down', { ...one.self, reason: 'silent' }));
    await bench.place([0], two, 'plain');
    one.runtime.resume(id);
    expect(await settle(asked)).toBe(2);
    expect(turns.slice(1)).toEqual(['n2 note a']);
  });
});

describe('the fence', () => {
  const id = { group: 'plain', shard: 0 };

  test('holds against mail that is put back after the shard has gone: nobody acts under the next owner’s epoch', async () => {
    await settle(ask('note', 'a'));
    const now = bench.clock.monotonic();
    one.router.line(id).freeze();
    const cargo = cargoOf(message('note', 'zombie'));
    await settle(one.runtime.release(id, now, two.self));
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
    one.staged.set('plain:0', cargoOf(message('note', 'cargo')));
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
