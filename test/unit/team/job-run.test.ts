import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AskOptions, Host, JobSpec, WorkItem } from '../../../src/agent/index.ts';
import type { Coordinator, JobRecord, TaskRecord } from '../../../src/coordinator/index.ts';
import {
  type AgentAddress,
  type Fence,
  handBack,
  type Logger,
  nullLogger,
  shardOf,
  TroupeError,
} from '../../../src/core/index.ts';
import { JobRunner, jobGroup } from '../../../src/team/index.ts';
import { JobRun } from '../../../src/team/job-run.ts';
import { decodePayload, encodePayload } from '../../../src/wire/index.ts';
import { Bench, type BenchNode } from '../cluster/bench.ts';

const SPEC: JobSpec = { concurrency: 4, attempts: 2, timeoutMs: 1_000 };
const SHARD = shardOf('j', jobGroup.shards);
type Fault = 'before' | 'after';

let bench: Bench;
let node: BenchNode;
let fence: Fence;
let runs: JobRun[];
/** Asks in order: the request id of each. */
let asked: string[];
/** What an ask gives. */
let answer: (address: AgentAddress, input: unknown, options: AskOptions) => Promise<unknown>;
/** Fails the next commands of a name, before or after the ledger has done them. */
let faults: Map<string, Fault[]>;
/** Commands and queries in order. */
let calls: string[];

/** Warnings of the run. */
let warnings: unknown[];
const logger: Logger = { ...nullLogger, warn: (_line, fields) => warnings.push(fields) };

const unused = (): Promise<never> => Promise.reject(new TroupeError('NOT_FOUND', 'unused'));
const host: Host = {
  freshId: () => 'fresh',
  ask: (address, _method, input, options = {}) => {
    asked.push(options.requestId ?? '');
    return answer(address, input, options);
  },
  tell: unused,
  send: unused,
  openDecision: unused,
  closeDecision: unused,
  decisionClosed: unused,
  submitJob: unused,
  cancelJob: unused,
  watchJob: async function* () {},
};

beforeEach(async () => {
  bench = await Bench.start();
  node = await bench.join('n1', [jobGroup]);
  await bench.place([SHARD], node, jobGroup.group);
  fence = { group: jobGroup.group, shard: SHARD, epoch: 1 };
  runs = [];
  asked = [];
  calls = [];
  warnings = [];
  faults = new Map();
  answer = async (_address, input) => `done ${input}`;
});
afterEach(() => {
  for (const run of runs) run.stop();
  bench.close();
});

const coordinator: Coordinator = {
  execute: async (name, request, options) => {
    calls.push(name);
    const fault = faults.get(name)?.shift();
    if (fault === 'before') throw new TroupeError('TIMEOUT', 'no answer');
    const reply = await node.coordinator.execute(name, request, options);
    if (fault === 'after') throw new TroupeError('TIMEOUT', 'no answer');
    return reply;
  },
  query: (name, request, options) => {
    calls.push(name);
    return node.coordinator.query(name, request, options);
  },
  watch: (listener) => node.coordinator.watch(listener),
  leader: undefined,
  onLeader: () => () => undefined,
};

const work = (count: number): WorkItem[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'k', key: `${i}`, method: 'do', input: i }));

async function open(items: readonly WorkItem[], spec: Partial<JobSpec> = {}, seal = true): Promise<JobRecord> {
  await bench.settle(node.coordinator.execute('job.open', { id: 'j', spec: encodePayload({ ...SPEC, ...spec }) }));
  return add(items, seal);
}
const add = (items: readonly (WorkItem | Uint8Array)[], seal = true, from = 0): Promise<JobRecord> => {
  const tasks = items.map((item, i) => ({
    id: `${from + i}`,
    input: item instanceof Uint8Array ? item : encodePayload(item),
  }));
  return bench.settle(node.coordinator.execute('job.add', { id: 'j', items: tasks, seal }));
};
/** A run of the job, told of its changes as a runner does. */
function start(job: JobRecord): Promise<void> {
  const run = new JobRun({ job, fence, coordinator, host, clock: bench.clock, logger });
  runs.push(run);
  node.coordinator.watch((delivery) => {
    if (delivery.type === 'events')
      for (const event of delivery.events) if (event.type === 'job') run.changed(event.job);
  });
  return run.run();
}
const job = (): Promise<JobRecord> => bench.settle(node.coordinator.query('job.get', { id: 'j' }));
const tasks = async (): Promise<readonly TaskRecord[]> =>
  (await bench.settle(node.coordinator.query('job.tasks', { id: 'j', after: -1, limit: 1_000 }))).tasks;
const results = async (): Promise<unknown[]> => (await tasks()).map(({ result }) => result && decodePayload(result));

describe('a run of a job', () => {
  test('does every item once, settles its outcome, and closes the job', async () => {
    await bench.settle(start(await open(work(10))));
    expect(await job()).toMatchObject({ state: 'closed', completed: 10, failed: 0 });
    expect(await results()).toEqual(Array.from({ length: 10 }, (_, i) => `done ${i}`));
    expect(asked.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `job/j/${i}`));
  });

  test('has no more items in flight than the job allows', async () => {
    let inFlight = 0;
    let most = 0;
    answer = async () => {
      most = Math.max(most, ++inFlight);
      await new Promise<void>((resolve) => bench.clock.schedule(20, resolve));
      inFlight--;
    };
    await bench.settle(start(await open(work(30), { concurrency: 3 })));
    expect(most).toBe(3);
    expect(warnings).toEqual([]);
    expect(await job()).toMatchObject({ completed: 30 });
  });

  test('waits for items that are still to come, and ends when the job is sealed and done', async () => {
    const running = start(await open(work(2), {}, false));
    await bench.clock.advance(500);
    expect(await job()).toMatchObject({ state: 'open', completed: 2 });
    await add(work(3), true, 2);
    await bench.settle(running);
    expect(await job()).toMatchObject({ state: 'closed', completed: 5 });
  });

  test('closes an empty job', async () => {
    await bench.settle(start(await open([])));
    expect((await job()).state).toBe('closed');
  });

  test('tries an item again after an error that may pass, under the same request id, and then gives it up', async () => {
    answer = async ({ key }) => {
      if (key === '0') throw new TroupeError('TIMEOUT', 'slow');
      if (key === '1') throw new TroupeError('SCHEMA_MISMATCH', 'never right');
      return 'fine';
    };
    await bench.settle(start(await open(work(3))));
    expect(asked.toSorted()).toEqual(['job/j/0', 'job/j/0', 'job/j/1', 'job/j/2']);
    expect(await job()).toMatchObject({ state: 'closed', completed: 1, failed: 2 });
    expect(await results()).toMatchObject([{ code: 'TIMEOUT', message: 'slow' }, { code: 'SCHEMA_MISMATCH' }, 'fine']);
  });

  test('an item for which its node has no room waits for that, and no try is counted', async () => {
    let room = 0;
    answer = async ({ key }) => {
      if (room++ < 10) throw handBack(new TroupeError('OVERLOADED', 'all is full'), key);
      // Somebody else was full, and that counts.
      throw new TroupeError('OVERLOADED', 'far away');
    };
    await bench.settle(start(await open(work(1))));
    expect(asked).toEqual(Array(10 + SPEC.attempts).fill('job/j/0'));
    expect(await results()).toMatchObject([{ code: 'OVERLOADED', message: 'far away' }]);
  });

  test('finds the tasks of a claim whose answer was lost', async () => {
    faults.set('task.claim', ['after']);
    await bench.settle(start(await open(work(3))));
    expect(await job()).toMatchObject({ state: 'closed', completed: 3 });
    expect(asked).toHaveLength(3);
  });

  test('goes on after commands that were never made', async () => {
    for (const name of ['task.claim', 'task.settle', 'job.close']) faults.set(name, ['before', 'before']);
    await bench.settle(start(await open(work(3))));
    expect(await job()).toMatchObject({ state: 'closed', completed: 3 });
    expect(asked).toHaveLength(3);
  });

  test('settles each outcome once, also when the answer to that was lost', async () => {
    faults.set('task.settle', ['after', 'after']);
    faults.set('job.close', ['after']);
    await bench.settle(start(await open(work(3))));
    expect(await job()).toMatchObject({ state: 'closed', completed: 3, failed: 0 });
    expect(asked).toHaveLength(3);
    const { tasksCompleted } = await bench.settle(node.coordinator.query('ledger.stats', {}));
    expect(tasksCompleted).toBe(3);
  });

  test('ends when the shard has another owner, and settles nothing', async () => {
    const gate = Promise.withResolvers<void>();
    answer = () => gate.promise;
    const running = start(await open(work(3)));
    await bench.until(() => asked.length === 3);
    const other = await bench.join('n2', [jobGroup]);
    await bench.settle(node.coordinator.execute('shards.transfer', { fences: [fence], to: other.self }));
    gate.resolve();
    await bench.settle(running);
    expect(await job()).toMatchObject({ state: 'open', completed: 0 });
  });

  test('takes over what an earlier owner had claimed, under the same request ids, without waiting for its lease', async () => {
    answer = () => new Promise(() => undefined);
    const record = await open(work(3));
    void start(record);
    await bench.until(() => asked.length === 3);
    const other = await bench.join('n2', [jobGroup]);
    await bench.settle(node.coordinator.execute('shards.transfer', { fences: [fence], to: other.self }));
    runs[0]?.stop();
    fence = { ...fence, epoch: 2 };
    asked = [];
    answer = async () => 'done by the next';
    const startedAt = bench.clock.monotonic();
    await bench.settle(start(record));
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(5_000);
    expect(asked.toSorted()).toEqual(['job/j/0', 'job/j/1', 'job/j/2']);
    expect(await job()).toMatchObject({ state: 'closed', completed: 3 });
  });

  test('claims a task again whose lease lapsed before its outcome could be settled', async () => {
    const lease = SPEC.attempts * SPEC.timeoutMs + 60_000;
    let slow = true;
    answer = () =>
      slow
        ? new Promise((resolve) => bench.clock.schedule(lease + 10_000, () => resolve('late')))
        : Promise.resolve('again');
    const running = start(await open(work(2), { concurrency: 2 }));
    await bench.clock.advance(lease + 5_000);
    slow = false;
    await bench.settle(running);
    expect(await job()).toMatchObject({ state: 'closed', completed: 2, failed: 0 });
  });

  test('fails an item that can’t be read, and does the others', async () => {
    await open([], {}, false);
    await bench.settle(start(await add([new Uint8Array([0xc1, 0xff]), ...work(2)])));
    expect(await job()).toMatchObject({ state: 'closed', completed: 2, failed: 1 });
    expect((await results())[0]).toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  test('fails an item whose result is over the ledger’s limit, and does the others', async () => {
    answer = async ({ key }) => (key === '0' ? new Uint8Array(2 * 1024 * 1024) : 'fine');
    await bench.settle(start(await open(work(3))));
    expect(await job()).toMatchObject({ state: 'closed', completed: 2, failed: 1 });
    expect((await results())[0]).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('fails an item with an error over the limit', async () => {
    answer = () => Promise.reject(new TroupeError('NOT_FOUND', 'x'.repeat(2 * 1024 * 1024)));
    await bench.settle(start(await open(work(1))));
    expect(await job()).toMatchObject({ state: 'closed', failed: 1 });
  });

  test('settles large results a few at a time', async () => {
    answer = async () => new Uint8Array(900 * 1024);
    await bench.settle(start(await open(work(12), { concurrency: 12 })));
    expect(await job()).toMatchObject({ state: 'closed', completed: 12 });
    expect(calls.filter((name) => name === 'task.settle').length).toBeGreaterThanOrEqual(12);
  });

  test('of a job that is cancelled ends, and takes back what it asked', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    answer = (_address, _input, { signal }) =>
      new Promise((_resolve, reject) => {
        signals.push(signal);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    const running = start(await open(work(3)));
    await bench.until(() => asked.length === 3);
    await bench.settle(node.coordinator.execute('job.close', { id: 'j', cancelled: true }));
    await bench.settle(running);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true, true]);
    expect(calls).not.toContain('task.settle');
    expect(await job()).toMatchObject({ state: 'cancelled', completed: 0 });
  });

  test('that is stopped leaves what is under way alone', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    answer = (_address, _input, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const running = start(await open(work(2)));
    await bench.until(() => asked.length === 2);
    runs[0]?.stop();
    await bench.settle(running);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, false]);
    expect((await job()).state).toBe('open');
  });
});

describe('the runner of jobs', () => {
  const runners: JobRunner[] = [];
  const runner = (on: BenchNode, over: Coordinator): JobRunner => {
    const made = new JobRunner({
      self: on.self,
      map: on.map,
      coordinator: over,
      host,
      clock: bench.clock,
      logger: nullLogger,
    });
    runners.push(made);
    return made;
  };
  afterEach(() => {
    for (const made of runners.splice(0)) made.close();
  });
  const closed = (): Promise<void> => bench.until(() => calls.includes('job.close'));

  test('runs jobs of its shards: those that are there, and those that come', async () => {
    await open(work(2));
    runner(node, coordinator);
    await closed();
    expect(await job()).toMatchObject({ state: 'closed', completed: 2 });
  });

  test('leaves jobs of others’ shards alone', async () => {
    const other = await bench.join('n2', [jobGroup]);
    runner(other, other.coordinator);
    await open(work(2));
    await bench.clock.advance(2_000);
    expect(asked).toEqual([]);
  });

  test('takes a job over with its shard, and the old owner lets go', async () => {
    const other = await bench.join('n2', [jobGroup]);
    answer = () => new Promise(() => undefined);
    const first = runner(node, coordinator);
    runner(other, other.coordinator);
    await open(work(2));
    await bench.until(() => asked.length === 2);
    answer = async () => 'done';
    first.release(SHARD);
    await bench.settle(node.coordinator.execute('shards.transfer', { fences: [fence], to: other.self }));
    await bench.until(() => asked.length === 4);
    await bench.clock.advance(500);
    expect(await job()).toMatchObject({ state: 'closed', completed: 2 });
    expect(new Set(asked).size).toBe(2);
  });

  test('goes on with a shard that stays after all', async () => {
    answer = () => new Promise(() => undefined);
    const made = runner(node, coordinator);
    await open(work(2));
    await bench.until(() => asked.length === 2);
    made.release(SHARD);
    await bench.clock.advance(100);
    answer = async () => 'done';
    made.resume(SHARD);
    await closed();
    expect(await job()).toMatchObject({ state: 'closed', completed: 2 });
  });

  test('reads the open jobs again when the ledger could not be reached', async () => {
    await open(work(2));
    let broken = true;
    runner(node, {
      ...coordinator,
      query: async (name, request, options) => {
        if (broken && name === 'job.list') throw new TroupeError('NO_QUORUM', 'no majority');
        return coordinator.query(name, request, options);
      },
    });
    await bench.clock.advance(3_000);
    expect(asked).toEqual([]);
    broken = false;
    await closed();
    expect(await job()).toMatchObject({ state: 'closed', completed: 2 });
  });

  test('starts nothing when closed, and leaves no timer of its own', async () => {
    await bench.clock.advance(100);
    const before = bench.clock.pending;
    const made = runner(node, coordinator);
    made.close();
    await open(work(2));
    await bench.clock.advance(2_000);
    expect(asked).toEqual([]);
    expect(bench.clock.pending).toBe(before);
  });
});
