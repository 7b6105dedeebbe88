/** Agents whose handlers run in threads, as tests need them. */
import { z } from 'zod';
import { defineAgent } from '../../../src/agent/index.ts';
import { TroupeError } from '../../../src/core/index.ts';

let cancelled = 0;

/** Counts in a thread, with steps, and does what a thread must survive. */
export const worker = defineAgent('worker', {
  isolation: 'thread',
  thread: { module: import.meta.url, heapMb: 200, stuckMs: 1_000, shutdownMs: 300 },
  state: () => ({ count: 0 }),
  messages: {
    add: { input: z.number(), output: z.number() },
    read: { input: z.undefined(), output: z.number() },
    where: { input: z.undefined(), output: z.string() },
    stepThen: { input: z.object({ fail: z.boolean() }), output: z.string() },
    askOther: { input: z.string(), output: z.number() },
    addAll: { input: z.array(z.string()), output: z.number() },
    waitForCancel: { input: z.undefined() },
    cancelled: { input: z.undefined(), output: z.number() },
    loop: { input: z.undefined() },
    bomb: { input: z.undefined() },
    exit: { input: z.undefined() },
    throwTyped: { input: z.undefined() },
    left: { input: z.undefined(), output: z.number() },
    rejectLater: { input: z.undefined() },
    badly: { input: z.undefined(), output: z.string() },
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
    bomb: () => {
      for (const all: unknown[] = []; ; ) all.push({ held: [1, 2, 3] });
    },
    exit: () => process.exit(4),
    throwTyped: () => {
      throw new TroupeError('NOT_FOUND', 'nothing there', { data: { key: 'k' } });
    },
    left: (ctx) => ctx.remainingMs(),
    rejectLater: () => {
      setImmediate(() => void Promise.reject(new RangeError('nobody catches this')));
    },
    badly: () => 1 as never,
  },
  vote: (ctx, { options }) => ({ choice: options?.[0] ?? 'none', reason: ctx.address.key }),
});
