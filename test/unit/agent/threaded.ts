/** Agents whose handlers run in threads, as tests need them. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { defineAgent, type Schema } from '../../../src/agent/define.ts';
import { TroupeError } from '../../../src/core/index.ts';

/** Schemas without a library: each test loads this module in many threads. */
function schema<T>(fits: (value: unknown) => boolean): Schema & StandardSchemaV1<T> {
  const validate = (value: unknown): StandardSchemaV1.Result<T> =>
    fits(value) ? { value: value as T } : { issues: [{ message: 'does not fit' }] };
  return { '~standard': { version: 1, vendor: 'test', validate } };
}
const number = schema<number>((value) => typeof value === 'number');
const text = schema<string>((value) => typeof value === 'string');
const nothing = schema<undefined>((value) => value === undefined);
const anything = <T>() => schema<T>(() => true);

let cancelled = 0;

/** Counts in a thread, with steps, and does what a thread must survive. */
export const worker = defineAgent('worker', {
  isolation: 'thread',
  thread: { module: import.meta.url, heapMb: 200, stuckMs: 1_000, shutdownMs: 300 },
  state: () => ({ count: 0 }),
  messages: {
    add: { input: number, output: number },
    read: { input: nothing, output: number },
    where: { input: nothing, output: text },
    stepThen: { input: anything<{ readonly fail: boolean }>(), output: text },
    reconciled: { input: nothing, output: text },
    askOther: { input: text, output: number },
    addAll: { input: anything<readonly string[]>(), output: number },
    waitForCancel: { input: nothing },
    cancelled: { input: nothing, output: number },
    loop: { input: nothing },
    throwTyped: { input: nothing },
    left: { input: nothing, output: number },
    rejectLater: { input: nothing },
    badly: { input: nothing, output: text },
    remember: { input: text },
    recalled: { input: nothing, output: anything<readonly unknown[]>() },
  },
  handlers: {
    async add(ctx, by) {
      const added = await ctx.step('effect', () => by);
      ctx.setState({ count: ctx.state.count + added });
      return ctx.state.count;
    },
    read: (ctx) => ctx.state.count,
    where: async () => ((await import('node:worker_threads')).isMainThread ? 'main' : 'thread'),
    async stepThen(ctx, { fail }) {
      const drawn = await ctx.step('draw', ({ idempotencyKey }) => `${idempotencyKey} ${crypto.randomUUID()}`);
      if (fail) throw new TroupeError('CONFLICT', drawn);
      return drawn;
    },
    reconciled: (ctx) =>
      ctx.step(
        'pay',
        {
          onUnknown: 'reconcile',
          reconcile: ({ idempotencyKey, attempt }) =>
            attempt === 1 ? { unknown: true } : { done: `found ${idempotencyKey}, asked ${attempt}` },
        },
        (): string => process.exit(),
      ),
    askOther: (ctx, key): Promise<number> => ctx.agent(worker, key).ask('add', 1),
    async addAll(ctx, keys) {
      let sum = 0;
      const items = keys.map((key) => ({ kind: 'worker', key, method: 'add', input: 2 }));
      await ctx.host.submitJob(ctx.host.freshId(), { concurrency: 2, attempts: 1, timeoutMs: 9_000 }, items);
      const id = `${ctx.requestId}/id`;
      for await (const { settled } of ctx.host.watchJob(id)) for (const { value } of settled) sum += value as number;
      return sum;
    },
    waitForCancel: (ctx) =>
      new Promise((resolve) => {
        ctx.log.info('waits');
        ctx.signal.addEventListener('abort', () => {
          cancelled++;
          resolve('late');
        });
      }),
    cancelled: () => cancelled,
    loop: () => {
      for (;;);
    },
    throwTyped: () => {
      throw new TroupeError('NOT_FOUND', 'nothing there', { data: { key: 'k' } });
    },
    left: (ctx) => ctx.remainingMs(),
    rejectLater: () => {
      setImmediate(() => void Promise.reject(new RangeError('nobody catches this')));
    },
    badly: () => 1 as never,
    async remember(ctx, word) {
      ctx.history.append(word);
      if (word === 'b') ctx.after('later', 50, 'add', 5);
      ctx.after('never', 50, 'add', 500);
      ctx.cancel('never');
      await ctx.agent(worker, 'friend').send('add', ctx.history.next);
    },
    recalled: async (ctx) => (await ctx.history.page()).items,
  },
  vote: (ctx, { options }) => ({ choice: options?.[0] ?? 'none', reason: ctx.address.key }),
});
