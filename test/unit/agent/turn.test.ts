import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldTurns } from '../../../src/agent/held.ts';
import type { AskOptions, Host, StepRun } from '../../../src/agent/index.ts';
import { AgentJournal } from '../../../src/agent/journal.ts';
import { ShardGate } from '../../../src/agent/shard-gate.ts';
import { AgentSubscriptions } from '../../../src/agent/subscriptions.ts';
import { Turn } from '../../../src/agent/turn.ts';
import { AgentWatches } from '../../../src/agent/watches.ts';
import { type Fence, nullLogger, nullTracer, TroupeError } from '../../../src/core/index.ts';
import { ledgerStore } from '../../../src/journal/index.ts';
import { Bench, type BenchNode } from '../cluster/bench.ts';

const GROUP = { group: 'one', shards: 1, placement: {} };

let bench: Bench;
let node: BenchNode;
let fence: Fence;
let stop: AbortController;
let stopping: boolean;
/** What was asked and told: name, options. */
let asked: {
  readonly what: string;
  readonly requestId: string | undefined;
  readonly options: AskOptions | undefined;
}[];

beforeEach(async () => {
  bench = await Bench.start();
  node = await bench.join('n1', [GROUP]);
  await bench.place([0], node, 'one');
  fence = { group: 'one', shard: 0, epoch: 1 };
  stop = new AbortController();
  stopping = false;
  asked = [];
});
afterEach(() => bench.close());

const host = (): Host => ({
  freshId: () => 'fresh',
  ask: async ({ kind, key }, method, _input, options) => {
    asked.push({ what: `ask ${kind}/${key}.${method}`, requestId: options?.requestId, options });
  },
  tell: async ({ kind, key }, method, _input, requestId) => {
    asked.push({ what: `tell ${kind}/${key}.${method}`, requestId, options: undefined });
  },
  send: async ({ kind, key }, method, _input, requestId) => {
    asked.push({ what: `send ${kind}/${key}.${method}`, requestId, options: undefined });
  },
  openDecision: () => Promise.reject(new TroupeError('NOT_FOUND', 'unused')),
  closeDecision: () => Promise.reject(new TroupeError('NOT_FOUND', 'unused')),
  decisionClosed: (id, signal) => {
    asked.push({ what: `wait ${id}`, requestId: undefined, options: signal === undefined ? undefined : { signal } });
    return new Promise(() => undefined);
  },
  submitJob: () => Promise.reject(new TroupeError('NOT_FOUND', 'unused')),
  cancelJob: () => Promise.reject(new TroupeError('NOT_FOUND', 'unused')),
  watchJob: async function* () {},
});

interface BeginOptions {
  readonly requestId?: string;
  readonly deadlineAt?: number;
  readonly traceparent?: string;
}

/** A turn of the agent `one/key`, from a journal that is read anew: as after a crash. */
async function begin(options: BeginOptions = {}): Promise<Turn<number>> {
  const { requestId = 'r1', deadlineAt = Number.POSITIVE_INFINITY, traceparent } = options;
  return new Turn<number>({
    house: {
      node: node.self,
      host: host(),
      actors: node.actors,
      watches: new AgentWatches(node.actors, node.map, host(), nullLogger),
      subscriptions: new AgentSubscriptions(node.actors, node.map, host(), nullLogger),
      held: new HeldTurns(node.coordinator, fence),
      gate: new ShardGate(bench.clock),
      clock: bench.clock,
      logger: nullLogger,
      tracer: nullTracer,
    },
    address: { kind: 'one', key: 'key' },
    requestId,
    delivery: {
      deadlineAt,
      signal: new AbortController().signal,
      cancelledBy: undefined,
      resident: { stopping, sinceMs: 0 },
    },
    message: { method: 'work', payload: new Uint8Array([1]) },
    traceparent,
    state: 0,
    memory: await bench.settle(AgentJournal.load(ledgerStore(node.coordinator), fence, 'key')),
    actor: { signal: stop.signal },
  });
}
const settle = <T>(promise: Promise<T>): Promise<T> => bench.settle(promise);

describe('a step', () => {
  test('runs once: when the turn runs again its recorded result is returned', async () => {
    let runs = 0;
    const step = (turn: Turn<number>): Promise<{ paid: number }> => settle(turn.step('pay', () => ({ paid: ++runs })));
    expect(await step(await begin())).toEqual({ paid: 1 });
    expect(await step(await begin())).toEqual({ paid: 1 });
    expect(runs).toBe(1);
  });

  test('that was cut off runs again with the same key, and is told so', async () => {
    const runs: Pick<StepRun, 'idempotencyKey' | 'retried'>[] = [];
    const note = ({ idempotencyKey, retried }: StepRun): void => void runs.push({ idempotencyKey, retried });
    const first = await begin();
    const cut = first.step('pay', (run) => {
      note(run);
      throw new TroupeError('STEP_UNKNOWN', 'the machine is gone');
    });
    await expect(settle(cut)).rejects.toThrow('the machine is gone');
    await settle((await begin()).step('pay', note));
    expect(runs).toEqual([
      { idempotencyKey: 'one/key/r1/pay', retried: false },
      { idempotencyKey: 'one/key/r1/pay', retried: true },
    ]);
  });

  test('keeps the key that it was given at first', async () => {
    const keys: string[] = [];
    for (const idempotencyKey of ['order-1', 'order-2']) {
      const turn = await begin();
      const cut = turn.step('pay', { idempotencyKey }, (run) => {
        keys.push(run.idempotencyKey);
        throw new RangeError('cut');
      });
      await settle(cut).catch(() => undefined);
    }
    expect(keys).toEqual(['order-1', 'order-1']);
  });

  test('is recorded as begun before it runs', async () => {
    const turn = await begin();
    let seen: unknown;
    await settle(
      turn.step('pay', async () => {
        seen = (await AgentJournal.load(ledgerStore(node.coordinator), fence, 'key')).step('r1', 'pay');
      }),
    );
    expect(seen).toEqual({ key: 'one/key/r1/pay' });
  });

  test('with an unknown outcome holds the turn when it says so, and a finished one doesn’t', async () => {
    const hold = { onUnknown: 'hold' } as const;
    let runs = 0;
    const unknown = new TroupeError('TIMEOUT', 'no answer');
    const cut = (await begin()).step('pay', hold, () => Promise.reject(unknown));
    await settle(cut).catch(() => undefined);
    const again = (await begin()).step('pay', hold, () => ++runs);
    await expect(settle(again)).rejects.toMatchObject({ code: 'STEP_UNKNOWN', address: 'one/key pay' });
    expect(runs).toBe(0);
    const other = { requestId: 'r2' };
    await settle((await begin(other)).step('mail', hold, () => ++runs));
    expect(await settle((await begin(other)).step('mail', hold, () => ++runs))).toBe(1);
  });

  test('has a name of its own in its turn, also when others are named like its second', async () => {
    const run = async (): Promise<number[]> => {
      const turn = await begin();
      let effect = 0;
      const results: number[] = [];
      for (const name of ['fetch', 'fetch', 'fetch#2', 'fetch']) {
        results.push(await settle(turn.step(name, () => ++effect)));
      }
      return results;
    };
    expect(await run()).toEqual([1, 2, 3, 4]);
    expect(await run()).toEqual([1, 2, 3, 4]);
  });

  test('isn’t begun after the turn was aborted, and says why', async () => {
    const turn = await begin();
    stop.abort(new TroupeError('TIMEOUT', 'too late'));
    let ran = false;
    const step = turn.step('pay', () => {
      ran = true;
    });
    await expect(settle(step)).rejects.toMatchObject({ code: 'TIMEOUT', message: 'too late' });
    expect(ran).toBe(false);
  });

  test('isn’t begun while the agent is being moved, but a finished one still gives its result', async () => {
    await settle((await begin()).step('first', () => 1));
    stopping = true;
    const turn = await begin();
    expect(await settle(turn.step('first', () => 2))).toBe(1);
    await expect(settle(turn.step('second', () => 2))).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('of another request is another step', async () => {
    expect(await settle((await begin()).step('pay', () => 'one'))).toBe('one');
    expect(await settle((await begin({ requestId: 'r2' })).step('pay', () => 'two'))).toBe('two');
  });
});

describe('a turn', () => {
  test('must be remembered when it changed the state or ran a step, and only then', async () => {
    const read = await begin();
    expect([read.durable, read.changedState, read.state]).toEqual([false, undefined, 0]);
    const wrote = await begin();
    wrote.setState(5);
    expect([wrote.durable, wrote.changedState, wrote.state]).toEqual([true, { state: 5 }, 5]);
    const stepped = await begin();
    await settle(stepped.step('s', () => 1));
    expect([stepped.durable, stepped.changedState]).toEqual([true, undefined]);
  });

  test('asks under ids that are the same when it runs again, whichever order its branches take', async () => {
    const ask = async (order: readonly string[]): Promise<Map<string, string | undefined>> => {
      const turn = await begin();
      asked = [];
      for (const key of order) await turn.host.ask({ kind: 'k', key }, 'm', 1);
      await turn.host.tell({ kind: 'k', key: 'a' }, 'm', 1);
      return new Map(asked.map(({ what, requestId }) => [what, requestId]));
    };
    const first = await ask(['a', 'b']);
    expect(await ask(['b', 'a'])).toEqual(first);
    expect(new Set(first.values()).size).toBe(3);
    for (const id of first.values()) expect(id).toMatch(/^r1\//);
  });

  test('asks the same twice under two ids, and under an id of its own choice when it gives one', async () => {
    const turn = await begin();
    for (let i = 0; i < 2; i++) await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1);
    await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1, { requestId: 'mine' });
    expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(3);
    expect(asked[2]?.requestId).toBe('mine');
  });

  test('gives the same fresh ids when it runs again, and others to other turns', async () => {
    const ids = async (requestId: string): Promise<string[]> => {
      const { host } = await begin({ requestId });
      return [host.freshId(), host.freshId()];
    };
    const first = await ids('r1');
    expect(new Set(first).size).toBe(2);
    expect(await ids('r1')).toEqual(first);
    expect(await ids('r2')).not.toEqual(first);
  });

  test('hands its deadline, its cancellation and its trace to what it asks', async () => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const turn = await begin({ deadlineAt: bench.clock.monotonic() + 500, traceparent });
    expect(turn.remainingMs()).toBe(500);
    await bench.clock.advance(100);
    await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1);
    await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1, { timeoutMs: 50 });
    const own = new AbortController();
    await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1, { signal: own.signal });
    void turn.host.decisionClosed('d');
    expect(asked.map(({ options }) => options?.timeoutMs)).toEqual([400, 50, 400, undefined]);
    expect(asked[0]?.options?.traceparent).toBe(traceparent);
    own.abort();
    expect(asked.map(({ options }) => options?.signal?.aborted)).toEqual([false, false, true, false]);
    stop.abort();
    expect(asked.map(({ options }) => options?.signal?.aborted)).toEqual([true, true, true, true]);
    await bench.clock.advance(1_000);
    expect(turn.remainingMs()).toBe(0);
  });

  test('without a deadline limits what it asks all the same', async () => {
    const turn = await begin();
    expect(turn.remainingMs()).toBe(Number.POSITIVE_INFINITY);
    await turn.host.ask({ kind: 'k', key: 'a' }, 'm', 1);
    expect(asked[0]?.options?.timeoutMs).toBe(10_000);
  });
});
