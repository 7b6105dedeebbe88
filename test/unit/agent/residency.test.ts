import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Coordinator } from '../../../src/coordinator/index.ts';
import { type AgentNode, type AgentNodeOptions, handOver, joinAgents } from './bench.ts';
import { ask, began, bench, gate, gates, kinds, one, outcomes, settle, setUp, turns, two } from './notebook.ts';

/** Keys whose journals were read, in order; and how many reads are under way. */
let reads: string[];
let reading: number;
/** While it is set, reads wait for it. */
let hold: PromiseWithResolvers<void> | undefined;

beforeEach(async () => {
  reads = [];
  reading = 0;
  hold = undefined;
  await setUp();
});
afterEach(() => bench.close());

/** The node that has all agents of the kinds `plain` and `reject` from now on. */
async function home(options: AgentNodeOptions): Promise<AgentNode> {
  const coordinator = (real: Coordinator): Coordinator => ({
    ...real,
    execute: (name, request, more) => real.execute(name, request, more),
    query: async (name, request, more) => {
      if (name !== 'journal.read') return real.query(name, request, more);
      reads.push((request as { key: string }).key);
      reading++;
      try {
        await hold?.promise;
        return await real.query(name, request, more);
      } finally {
        reading--;
      }
    },
    watch: (listener) => real.watch(listener),
  });
  const three = await joinAgents(bench, 'n3', kinds, { ...options, coordinator });
  const fences = ['plain', 'reject'].map((group) => ({ group, shard: 0, epoch: 1 }));
  await settle(one.coordinator.execute('shards.transfer', { fences, to: three.self }));
  await bench.settled();
  return three;
}

const note = (key: string, text = key, options = {}): Promise<unknown> => ask('note', text, options, 'plain', key);
/** Messages to agents, each sent when the one before has arrived. */
async function notes(...keys: string[]): Promise<void> {
  for (const key of keys) {
    await settle(note(key));
    await bench.clock.advance(10);
  }
}
/** Asks that wait for their agents' journals, in order. */
async function queue(...asks: (() => Promise<unknown>)[]): Promise<Promise<unknown>[]> {
  const asked: Promise<unknown>[] = [];
  for (const send of asks) {
    asked.push(send());
    await bench.clock.advance(10);
  }
  return asked;
}

describe('a node at its limit of agents', () => {
  test('lets the one leave that has had nothing to do for longest', async () => {
    const three = await home({ residency: { residentsMax: 3 } });
    await notes('a', 'b', 'c', 'a', 'd');
    expect(three.runtime.residents).toBe(3);
    await notes('c', 'a', 'd');
    expect(reads).toEqual(['a', 'b', 'c', 'd']);
    await notes('b', 'a', 'd', 'c');
    expect(reads).toEqual(['a', 'b', 'c', 'd', 'b', 'c']);
    expect(await settle(ask('read', undefined, {}, 'plain', 'a'))).toEqual(['a', 'a', 'a', 'a']);
  });

  test('lets it leave whatever its kind', async () => {
    await home({ residency: { residentsMax: 2 } });
    await notes('a');
    await settle(ask('note', 'b', {}, 'reject', 'b'));
    await bench.clock.advance(10);
    await notes('c');
    await settle(ask('note', 'b', {}, 'reject', 'b'));
    expect(reads).toEqual(['a', 'b', 'c']);
  });

  test('keeps every agent with work, and refuses a newcomer when all have some', async () => {
    const three = await home({ residency: { residentsMax: 2 } });
    gate('hold');
    // It was idle once, for longer than all others.
    await notes('a');
    const held = [ask('wait', 'hold', {}, 'plain', 'a')];
    await began(2);
    await notes('b', 'c', 'd');
    expect(three.runtime.residents).toBe(2);
    held.push(ask('wait', 'hold', {}, 'plain', 'e'));
    await bench.until(() => turns.includes('n3 wait hold') && reads.includes('e'));
    await bench.clock.advance(50);
    expect(await outcomes([note('f')])).toEqual(['OVERLOADED']);
    gates.get('hold')?.resolve();
    expect(await settle(Promise.all(held))).toEqual(['hold on n3', 'hold on n3']);
    await notes('a', 'f');
    expect(reads.filter((key) => key === 'a')).toHaveLength(1);
    expect(three.runtime.residents).toBe(2);
  });
});

describe('a node at its limit of bytes', () => {
  test('refuses further messages, whoever they are for, but not a request that waits already', async () => {
    const three = await home({ residency: { waitingBytesMax: 3_000 } });
    gate('hold');
    const held = ask('wait', 'hold', {}, 'plain', 'a');
    await began(1);
    const [x, y] = ['x', 'y'].map((letter) => note('a', letter.repeat(1_400), { requestId: letter }));
    await bench.clock.advance(10);
    expect(await outcomes([note('b', 'z'.repeat(400))])).toEqual(['OVERLOADED']);
    expect(three.runtime.residents).toBe(1);
    const again = note('a', 'x'.repeat(1_400), { requestId: 'x' });
    await bench.clock.advance(10);
    gates.get('hold')?.resolve();
    expect(await outcomes([held, x!, y!, again])).toEqual(['hold on n3', 1, 2, 1]);
    expect(await outcomes([note('b', 'z'.repeat(400))])).toEqual([1]);
  });

  test('lets agents leave, longest idle first, until the others’ state fits', async () => {
    const three = await home({ residency: { residentBytesMax: 8_000 } });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await settle(note(key, key.repeat(2_000)));
      await bench.clock.advance(10);
      expect(three.runtime.residentBytes).toBeLessThanOrEqual(8_000);
    }
    expect(three.runtime.residents).toBe(3);
    reads.length = 0;
    await notes('f', 'e', 'd');
    expect(reads).toEqual([]);
    await notes('a');
    expect(reads).toEqual(['a']);
  });

  test('counts the state that there is, not each state that there was, and nothing of who left', async () => {
    const three = await home({});
    await settle(note('a', 'x'.repeat(10_000)));
    const first = three.runtime.residentBytes;
    expect(first).toBeGreaterThan(10_000);
    for (let i = 0; i < 60; i++) await settle(note('a', ''));
    expect(three.runtime.residentBytes).toBeLessThan(2 * first + 10_000);
    await bench.clock.advance(62_000);
    expect([three.runtime.residents, three.runtime.residentBytes]).toEqual([0, 0]);
  });

  test('refuses newcomers while what is busy is over it', async () => {
    const three = await home({ residency: { residentBytesMax: 8_000 } });
    await settle(note('a', 'x'.repeat(9_000)));
    // It was busy when it grew, so it stayed; now it is idle, and leaves for another.
    expect(three.runtime.residents).toBe(1);
    await notes('b');
    expect(three.runtime.residents).toBe(1);
    gate('hold');
    const held = ask('wait', 'hold', {}, 'plain', 'a');
    await began(1);
    await bench.until(() => turns.includes('n3 wait hold'));
    expect(await outcomes([note('c')])).toEqual(['OVERLOADED']);
    gates.get('hold')?.resolve();
    await settle(held);
  });
});

describe('a storm of activations', () => {
  test('reads a few journals at a time, in the order in which agents were asked, each one’s messages in order', async () => {
    await home({ recallsMax: 2 });
    hold = Promise.withResolvers();
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    const asked = await queue(...[...keys, ...keys].map((key, i) => () => note(key, `${i}`)));
    expect(reads).toEqual(['a', 'b']);
    hold.resolve();
    hold = undefined;
    expect(await settle(Promise.all(asked))).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
    expect(reads).toEqual(keys);
    for (const [i, key] of keys.entries()) {
      expect(await settle(ask('read', undefined, {}, 'plain', key))).toEqual([`${i}`, `${i + 6}`]);
    }
  });

  test('never has more reads under way than that, and goes on when one fails', async () => {
    await home({ recallsMax: 2 });
    hold = Promise.withResolvers();
    const asked = await queue(...['a', 'b', 'c', 'd', 'e'].map((key) => () => note(key)));
    const first = hold;
    hold = Promise.withResolvers();
    first.reject(new RangeError('the ledger is away'));
    await bench.until(() => reads.length >= 4);
    expect(reading).toBe(2);
    hold.resolve();
    hold = undefined;
    const results = await outcomes(asked);
    expect(results.slice(2)).toEqual([1, 1, 1]);
    expect(await outcomes([note('g')])).toEqual([1]);
  });

  test('reads nothing for a message whose asker has given up while it waited', async () => {
    await home({ recallsMax: 1 });
    hold = Promise.withResolvers();
    const stop = new AbortController();
    const asked = await queue(
      () => note('a'),
      () => note('late', 'late', { timeoutMs: 100 }),
      () => note('taken-back', 'x', { signal: stop.signal }),
      () => note('b'),
    );
    stop.abort();
    await bench.clock.advance(200);
    hold.resolve();
    hold = undefined;
    expect(await outcomes(asked)).toEqual([1, 'TIMEOUT', 'CANCELLED', 1]);
    expect(reads).toEqual(['a', 'b']);
    expect(await settle(note('late'))).toBe(1);
  });

  test('gives agents that wait to the next home of their shard at once, with their messages in order', async () => {
    const three = await home({ recallsMax: 1 });
    await notes('a');
    hold = Promise.withResolvers();
    const asked = await queue(
      () => note('x', '1'),
      () => note('y', '1'),
      () => note('y', '2'),
      () => note('z', '1'),
    );
    const moving = handOver(bench, three, two, 'plain', 0, 5_000);
    await bench.clock.advance(50);
    hold.resolve();
    const cargo = await moving;
    // Only the turn whose journal was being read went on here.
    expect(cargo.agents.map(({ key, messages }) => [key, messages.length])).toEqual([
      ['y', 2],
      ['z', 1],
    ]);
    expect(cargo.residents).toBe(4);
    expect(reads).toEqual(['a', 'x']);
    expect(await settle(Promise.all(asked))).toEqual([1, 1, 2, 1]);
    expect(await settle(ask('read', undefined, {}, 'plain', 'y'))).toEqual(['1', '2']);
  });
});
