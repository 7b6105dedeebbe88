import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Host, type JobProgress, nodeHost, type WorkItem } from '../../../src/agent/index.ts';
import type { Commands, Coordinator, WatchDelivery } from '../../../src/coordinator/index.ts';
import { SeededRandom } from '../../../src/core/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { Bench } from '../cluster/bench.ts';
import { joinAgents } from './bench.ts';

const SPEC = { concurrency: 4, attempts: 1, timeoutMs: 1_000 };

let bench: Bench;
let host: Host;
let coordinator: Coordinator;
/** Items of each `job.add`. */
let added: number[];
let queries: string[];
/** Who watches the ledger through the host. */
let watchers: Set<(delivery: WatchDelivery) => void>;
/** Watchers hear nothing. */
let deaf: boolean;
let unheard: WatchDelivery[];

beforeEach(async () => {
  bench = await Bench.start();
  const node = await joinAgents(bench, 'n1', []);
  added = [];
  queries = [];
  watchers = new Set();
  deaf = false;
  unheard = [];
  const real = node.coordinator;
  coordinator = {
    execute: (name, request, options) => {
      if (name === 'job.add') added.push((request as Commands['job.add']['request']).items.length);
      return real.execute(name, request, options);
    },
    query: (name, request, options) => {
      queries.push(name);
      return real.query(name, request, options);
    },
    watch: (listener) => {
      watchers.add(listener);
      const stop = real.watch((delivery) => {
        if (deaf) unheard.push(delivery);
        else listener(delivery);
      });
      return () => {
        watchers.delete(listener);
        stop();
      };
    },
    leader: undefined,
    onLeader: () => () => undefined,
  };
  host = nodeHost(node.asks, coordinator, new SeededRandom(1));
});
afterEach(() => bench.close());

const settle = <T>(promise: Promise<T>): Promise<T> => bench.settle(promise);
const work = (count: number, input: unknown = 1): WorkItem[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'k', key: `${i}`, method: 'm', input }));

describe('a decision that is waited for', () => {
  const open = (id: string) => {
    const terms = { electors: ['a', 'b'], rule: 'majority', quorum: 1, earlyStop: true, deadlineMs: 60_000 } as const;
    return settle(host.openDecision({ id, question: '?', ...terms }));
  };

  test('resolves when it closes, or at once when it has; and watches no longer', async () => {
    await open('d');
    const waiting = host.decisionClosed('d');
    await bench.clock.advance(100);
    await settle(host.closeDecision('d'));
    expect((await settle(waiting)).result?.outcome).toBe('no-quorum');
    expect((await settle(host.decisionClosed('d'))).result?.outcome).toBe('no-quorum');
    expect(watchers.size).toBe(0);
  });

  test('hears of no other decision', async () => {
    await open('d');
    await open('e');
    let done = false;
    void host.decisionClosed('d').then(() => {
      done = true;
    });
    await settle(host.closeDecision('e'));
    await bench.clock.advance(100);
    expect(done).toBe(false);
  });

  test('ends with CANCELLED when taken back, before or while it waits', async () => {
    await open('d');
    const stop = new AbortController();
    const waiting = host.decisionClosed('d', stop.signal);
    waiting.catch(() => undefined);
    await bench.clock.advance(100);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED', address: 'd' });
    await expect(host.decisionClosed('d', stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(watchers.size).toBe(0);
  });

  test('that isn’t there is NOT_FOUND', async () => {
    await expect(settle(host.decisionClosed('none'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(watchers.size).toBe(0);
  });
});

describe('a job that is submitted', () => {
  test('goes to the ledger in commands of bounded length', async () => {
    const job = await settle(host.submitJob('j', SPEC, work(600)));
    expect(job).toMatchObject({ tasks: 600, sealed: true });
    expect(added).toEqual([256, 256, 88]);
  });

  test('goes to the ledger in commands of bounded size, one item at least', async () => {
    await settle(host.submitJob('j', SPEC, work(5, new Uint8Array(400 * 1024))));
    expect(added).toEqual([2, 2, 1]);
    await settle(host.submitJob('k', SPEC, work(2, new Uint8Array(1_000 * 1024))));
    expect(added.slice(3)).toEqual([1, 1]);
  });

  test('again under its id is the same job', async () => {
    await settle(host.submitJob('j', SPEC, work(3)));
    expect(await settle(host.submitJob('j', SPEC, work(3)))).toMatchObject({ tasks: 3 });
    expect(added).toEqual([3]);
    await expect(settle(host.submitJob('j', { ...SPEC, attempts: 2 }, work(3)))).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
  });
});

describe('a job that is watched', () => {
  /** Claims and settles tasks, as a run would. */
  async function settleTasks(count: number): Promise<void> {
    const { tasks } = await settle(
      coordinator.execute('task.claim', { job: 'j', by: 'me', limit: count, leaseMs: 60_000 }),
    );
    const outcomes = tasks.map(({ task, claimEpoch }) => ({
      task,
      claimEpoch,
      ok: task !== '1',
      result: encodePayload(`done ${task}`),
    }));
    await settle(coordinator.execute('task.settle', { job: 'j', outcomes }));
  }
  /** Reads a watch to its end. */
  async function read(watch: AsyncIterable<JobProgress>, each: () => void = () => undefined): Promise<number[]> {
    const positions: number[] = [];
    for await (const { settled } of watch) {
      positions.push(...settled.map(({ position }) => position));
      each();
    }
    return positions;
  }
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

  test('reports what settled before and what settles, each outcome once, and ends when the job is closed', async () => {
    await settle(host.submitJob('j', SPEC, work(600)));
    await settleTasks(256);
    await settleTasks(100);
    const reading = read(host.watchJob('j'));
    await bench.clock.advance(100);
    await settleTasks(244);
    await settle(coordinator.execute('job.close', { id: 'j', cancelled: false }));
    expect((await settle(reading)).toSorted((a, b) => a - b)).toEqual(all(600));
    expect(watchers.size).toBe(0);
  });

  test('gives values and errors as they were settled', async () => {
    await settle(host.submitJob('j', SPEC, work(2)));
    await settleTasks(2);
    await settle(coordinator.execute('job.close', { id: 'j', cancelled: false }));
    const reports: JobProgress[] = [];
    const reading = (async () => {
      for await (const progress of host.watchJob('j')) reports.push(progress);
    })();
    await settle(reading);
    expect(reports.flatMap(({ settled }) => settled)).toEqual([
      { task: '0', position: 0, ok: true, value: 'done 0' },
      { task: '1', position: 1, ok: false, value: 'done 1' },
    ]);
    expect(reports.at(-1)?.job.state).toBe('closed');
  });

  test('reads the ledger again after events were missed, and reports nothing twice', async () => {
    await settle(host.submitJob('j', SPEC, work(4)));
    const reading = read(host.watchJob('j'));
    await bench.clock.advance(100);
    // The watch breaks during one settlement, and begins with a view after that.
    deaf = true;
    await settleTasks(2);
    await bench.clock.advance(100);
    deaf = false;
    const view = await settle(coordinator.query('cluster.view', {}));
    for (const hear of watchers) {
      hear({ type: 'view', view });
      // What it reads now may come as an event too.
      await bench.clock.advance(100);
      for (const delivery of unheard) hear(delivery);
    }
    await bench.clock.advance(100);
    await settleTasks(2);
    await settle(coordinator.execute('job.close', { id: 'j', cancelled: false }));
    expect((await settle(reading)).toSorted()).toEqual(all(4));
  });

  test('keeps no more events than its limit for a reader that is slow, and the reader misses nothing', async () => {
    await settle(host.submitJob('j', SPEC, work(1_200)));
    const watch = host.watchJob('j')[Symbol.asyncIterator]();
    const first = watch.next();
    await bench.clock.advance(100);
    for (let i = 0; i < 1_200; i++) await settleTasks(1);
    await settle(coordinator.execute('job.close', { id: 'j', cancelled: false }));
    queries.length = 0;
    const positions = (await settle(first)).value?.settled.map(({ position }: { position: number }) => position) ?? [];
    positions.push(...(await settle(read({ [Symbol.asyncIterator]: () => watch }))));
    expect(positions.toSorted((a: number, b: number) => a - b)).toEqual(all(1_200));
    expect(queries).toContain('job.tasks');
  });

  test('ends with CANCELLED when taken back, also while it waits', async () => {
    await settle(host.submitJob('j', SPEC, work(1)));
    const stop = new AbortController();
    const reading = read(host.watchJob('j', stop.signal));
    reading.catch(() => undefined);
    await bench.clock.advance(100);
    stop.abort();
    await expect(settle(reading)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(watchers.size).toBe(0);
  });

  test('stops watching when its reader turns away', async () => {
    await settle(host.submitJob('j', SPEC, work(1)));
    await settleTasks(1);
    const reading = (async () => {
      for await (const _ of host.watchJob('j')) break;
    })();
    await settle(reading);
    expect(watchers.size).toBe(0);
  });

  test('that isn’t there is NOT_FOUND', async () => {
    await expect(settle(read(host.watchJob('none')))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that is cancelled ends for its watchers', async () => {
    await settle(host.submitJob('j', SPEC, work(2)));
    const reading = read(host.watchJob('j'));
    await bench.clock.advance(100);
    await settle(host.cancelJob('j'));
    expect(await settle(reading)).toEqual([]);
  });
});
