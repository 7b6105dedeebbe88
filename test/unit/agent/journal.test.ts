import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentJournal } from '../../../src/agent/journal.ts';
import type { Commands, Coordinator, JournalRecord } from '../../../src/coordinator/index.ts';
import { type Fence, systemClock, TroupeError } from '../../../src/core/index.ts';
import { ledgerStore } from '../../../src/journal/index.ts';
import { Bench, type BenchNode } from '../cluster/bench.ts';

const GROUP = { group: 'one', shards: 1, placement: {} };
type Append = Commands['journal.append']['request'];

let bench: Bench;
let node: BenchNode;
let fence: Fence;
/** Appends as they went to the ledger. */
let appends: Append[];
/** Fails the appends of this number and later. */
let failFrom: number;
let coordinator: Coordinator;

beforeEach(async () => {
  bench = await Bench.start();
  node = await bench.join('n1', [GROUP]);
  await bench.place([0], node, 'one');
  fence = { group: 'one', shard: 0, epoch: 1 };
  appends = [];
  failFrom = Number.POSITIVE_INFINITY;
  coordinator = {
    execute: async (name, request, options) => {
      if (name === 'journal.append') {
        appends.push(request as Append);
        if (appends.length >= failFrom) throw new TroupeError('TIMEOUT', 'no answer');
      }
      return node.coordinator.execute(name, request, options);
    },
    query: (name, request, options) => node.coordinator.query(name, request, options),
    watch: (listener) => node.coordinator.watch(listener),
    leader: undefined,
    onLeader: () => () => undefined,
  };
});
afterEach(() => bench.close());

const load = (key = 'key'): Promise<AgentJournal> =>
  bench.settle(AgentJournal.load(ledgerStore(coordinator), fence, key));
const stored = (key = 'key'): Promise<JournalRecord> => bench.settle(coordinator.query('journal.read', { fence, key }));
/** A turn that is done. */
const turn = (journal: AgentJournal, request: string, reply: unknown, state?: unknown): Promise<void> =>
  bench.settle(journal.turnDone(request, reply, state === undefined ? undefined : { state }));

describe('the journal of an agent', () => {
  test('is empty at first', async () => {
    const journal = await load();
    expect(journal.state).toBeUndefined();
    expect(journal.reply('r')).toBeUndefined();
    expect(journal.step('r', 's')).toBeUndefined();
  });

  test('has state, replies and receipts again after it was read anew', async () => {
    const before = await load();
    await bench.settle(before.stepStarted('r2', 'pay', 'key-1'));
    await turn(before, 'r1', 'done', { count: 1 });
    await bench.settle(before.stepDone('r2', 'pay', { paid: true }));
    await bench.settle(before.stepStarted('r2', 'mail', 'key-2'));
    for (const journal of [before, await load()]) {
      expect(journal.state).toEqual({ value: { count: 1 } });
      expect(journal.reply('r1')).toEqual({ value: 'done' });
      expect(journal.step('r2', 'pay')).toEqual({ key: 'key-1', done: { value: { paid: true } } });
      expect(journal.step('r2', 'mail')).toEqual({ key: 'key-2' });
    }
  });

  test('knows a reply of undefined, and a step that gave undefined, from none', async () => {
    const before = await load();
    await turn(before, 'r1', undefined);
    await bench.settle(before.stepStarted('r2', 's', 'k'));
    await bench.settle(before.stepDone('r2', 's', undefined));
    for (const journal of [before, await load()]) {
      expect(journal.reply('r1')).toEqual({ value: undefined });
      expect(journal.step('r2', 's')).toEqual({ key: 'k', done: { value: undefined } });
    }
  });

  test('drops a turn’s receipts when it ends, and keeps the state when it didn’t change', async () => {
    const before = await load();
    await turn(before, 'r0', 0, 'state');
    await bench.settle(before.stepStarted('r1', 's', 'k'));
    await turn(before, 'r1', 1);
    for (const journal of [before, await load()]) {
      expect(journal.step('r1', 's')).toBeUndefined();
      expect(journal.state).toEqual({ value: 'state' });
    }
  });

  test('read anew is the same as it was live, whatever was written', async () => {
    const request = fc.nat(80).map((n) => `r${n}`);
    const write = fc.oneof(
      fc.record({ t: fc.constant('step' as const), request, name: fc.constantFrom('a', 'b') }),
      fc.record({ t: fc.constant('done' as const), request, name: fc.constantFrom('a', 'b'), value: fc.nat() }),
      fc.record({
        t: fc.constant('turn' as const),
        request,
        value: fc.nat(),
        state: fc.option(fc.nat(), { nil: undefined }),
      }),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 260 }), fc.nat(7), async (writes, together) => {
        const key = `key-${run++}`;
        const live = await load(key);
        for (const [i, line] of writes.entries()) {
          const written =
            line.t === 'step'
              ? live.stepStarted(line.request, line.name, `${i}`)
              : line.t === 'done'
                ? live.stepDone(line.request, line.name, line.value)
                : live.turnDone(line.request, line.value, line.state === undefined ? undefined : { state: line.state });
          if (i % (together + 1) === 0 || i === writes.length - 1) await bench.settle(written);
        }
        const again = await load(key);
        expect(again.state).toEqual(live.state);
        for (let n = 0; n <= 80; n++) {
          expect(again.reply(`r${n}`)).toEqual(live.reply(`r${n}`));
          for (const name of ['a', 'b']) expect(again.step(`r${n}`, name)).toEqual(live.step(`r${n}`, name));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('folds itself into a snapshot every 50 records, so that it never grows', async () => {
    const journal = await load();
    for (let i = 1; i <= 49; i++) await turn(journal, `r${i}`, i, i);
    expect(await stored()).toMatchObject({ version: 49, snapshotVersion: 0, records: { length: 49 } });
    await turn(journal, 'r50', 50, 50);
    expect(await stored()).toMatchObject({ version: 50, snapshotVersion: 50, records: [] });
    for (let i = 51; i <= 99; i++) await turn(journal, `r${i}`, i, i);
    expect(await stored()).toMatchObject({ version: 99, snapshotVersion: 50, records: { length: 49 } });
    const again = await load();
    expect(again.state).toEqual({ value: 99 });
    await turn(again, 'r100', 100, 100);
    expect((await stored()).snapshotVersion).toBe(100);
  });

  test('remembers the last 64 replies and the receipts of 64 unfinished turns', async () => {
    const journal = await load();
    for (let i = 0; i < 70; i++) await turn(journal, `r${i}`, i);
    for (let i = 0; i < 70; i++) await bench.settle(journal.stepStarted(`s${i}`, 'a', 'k'));
    for (const now of [journal, await load()]) {
      expect([now.reply('r5'), now.reply('r6')]).toEqual([undefined, { value: 6 }]);
      expect([now.step('s5', 'a'), now.step('s6', 'a')]).toEqual([undefined, { key: 'k' }]);
    }
  });

  test('keeps the receipts of turns that are held, however many others fail, until they are over', async () => {
    const journal = await load();
    await bench.settle(journal.stepStarted('held', 'pay', 'k'));
    await bench.settle(journal.stepHeld('held', 'pay', 7));
    for (let i = 0; i < 70; i++) await bench.settle(journal.stepStarted(`s${i}`, 'a', 'k'));
    for (const now of [journal, await load()]) {
      expect([now.held('held'), now.heldTurns]).toEqual([{ hold: 7, step: 'pay', ruled: false }, 1]);
      expect(now.step('held', 'pay')).toEqual({ key: 'k' });
    }
    await bench.settle(journal.stepRuled('held', 'pay', { type: 'fail', reason: 'no' }));
    for (const now of [journal, await load()]) {
      expect(now.held('held')?.ruled).toBe(true);
      expect(now.step('held', 'pay')?.failed).toMatchObject({ error: { code: 'STEP_FAILED', message: 'no' } });
    }
    await bench.settle(journal.turnOver('held'));
    for (let i = 0; i < 70; i++) await bench.settle(journal.stepStarted(`t${i}`, 'a', 'k'));
    for (const now of [journal, await load()]) {
      expect([now.held('held'), now.heldTurns, now.step('held', 'pay')]).toEqual([undefined, 0, undefined]);
    }
  });

  test('gathers what comes while a write is under way, and sends it together', async () => {
    const journal = await load();
    bench.ledger.shared.hold();
    const first = journal.stepDone('r', 'a', 1);
    await bench.clock.settle();
    const later = ['b', 'c', 'd'].map((name) => journal.stepDone('r', name, name));
    bench.ledger.shared.release();
    await bench.settle(Promise.all([first, ...later]));
    expect(appends.map(({ records }) => records.length)).toEqual([1, 3]);
    expect(appends.map(({ version }) => version)).toEqual([0, 1]);
  });

  test('resolves a write only when the ledger has it', async () => {
    const journal = await load();
    bench.ledger.shared.hold();
    let done = false;
    const writing = journal.turnDone('r', 1, undefined).then(() => {
      done = true;
    });
    await bench.clock.advance(500);
    expect(done).toBe(false);
    bench.ledger.shared.release();
    await bench.settle(writing);
  });

  test('is poisoned by a failed write: every later one fails too, and the ledger isn’t bothered again', async () => {
    const journal = await load();
    failFrom = 1;
    await expect(turn(journal, 'r1', 1, 1)).rejects.toMatchObject({
      code: 'NODE_UNAVAILABLE',
      cause: { code: 'TIMEOUT' },
    });
    failFrom = Number.POSITIVE_INFINITY;
    await expect(turn(journal, 'r2', 2)).rejects.toMatchObject({ cause: { code: 'TIMEOUT' } });
    await expect(bench.settle(journal.stepStarted('r3', 's', 'k'))).rejects.toMatchObject({
      cause: { code: 'TIMEOUT' },
    });
    expect(appends).toHaveLength(1);
    expect((await load()).reply('r1')).toBeUndefined();
  });

  test('is poisoned by a value that can’t be written, too', async () => {
    const journal = await load();
    await expect(turn(journal, 'r1', Symbol('no'))).rejects.toMatchObject({ cause: { code: 'INVALID_ARGUMENT' } });
    await expect(turn(journal, 'r2', 2)).rejects.toMatchObject({ cause: { code: 'INVALID_ARGUMENT' } });
  });

  test('leaves no rejection unheard when nobody waits for a write that fails', async () => {
    const unheard: unknown[] = [];
    const listen = (error: unknown): void => void unheard.push(error);
    process.on('unhandledRejection', listen);
    const journal = await load();
    failFrom = 1;
    void journal.stepStarted('r', 'a', 'k');
    await bench.clock.settle();
    void journal.stepStarted('r', 'b', 'k');
    await bench.clock.settle();
    await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
    process.off('unhandledRejection', listen);
    expect(appends).toHaveLength(1);
    expect(unheard).toEqual([]);
  });

  test('writes and reads nothing under an old epoch', async () => {
    const journal = await load();
    const other = await bench.join('n2', [GROUP]);
    await bench.settle(node.coordinator.execute('shards.transfer', { fences: [fence], to: other.self }));
    await expect(turn(journal, 'r', 1)).rejects.toMatchObject({ cause: { code: 'STALE_EPOCH' } });
    await expect(load()).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    fence = { ...fence, epoch: 2 };
    expect((await load()).reply('r')).toBeUndefined();
  });

  test('of two that believe to be current, the second to write fails', async () => {
    const one = await load();
    const two = await load();
    await turn(one, 'r1', 1);
    await expect(turn(two, 'r2', 2)).rejects.toMatchObject({ cause: { code: 'JOURNAL_CONFLICT' } });
  });
});
