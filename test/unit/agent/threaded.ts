/** Agents whose handlers run in threads, as tests need them. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Ref, ReplyTo } from '../../../src/actor/index.ts';
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

/** What the actor of the node that is named `tally` understands. */
export type Tally =
  | { readonly add: number; readonly reply?: ReplyTo<number> }
  | { readonly who: ReplyTo<unknown> }
  | { readonly slow: ReplyTo<unknown> }
  | 'end';

/** Counts in a thread, with steps, and does what a thread must survive. */
export const worker = defineAgent('worker', {
  isolation: 'thread',
  thread: { module: import.meta.url, heapMb: 200, stuckMs: 1_000, shutdownMs: 300 },
  state: (): { readonly count: number; readonly tally?: Ref<Tally>; readonly noticed?: readonly string[] } => ({
    count: 0,
  }),
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
    keep: { input: anything<Ref<Tally>>(), output: anything<Ref<Tally>>() },
    tally: { input: anything<string>(), output: anything<unknown>() },
    spread: { input: text, output: anything<unknown>() },
    notice: { input: anything<string | { readonly reason: string }>() },
    noticed: { input: nothing, output: anything<readonly string[]>() },
  },
  handlers: {
    async add(ctx, by) {
      const added = await ctx.step('effect', () => by);
      ctx.setState({ ...ctx.state, count: ctx.state.count + added });
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
    keep(ctx, tally) {
      ctx.watch(tally, 'notice');
      ctx.setState({ ...ctx.state, tally });
      return tally;
    },
    /** Does with the actor in its state, and the one of that name, what it is told. */
    async tally(ctx, what) {
      const tally = ctx.state.tally as Ref<Tally>;
      const found = await ctx.actors.find<Tally>(ctx.node.node, 'tally');
      switch (what) {
        case 'same':
          return found === tally && found === ctx.actors.refOf(ctx.actors.addressOf(tally));
        case 'ask': {
          tally.tell({ add: 1 });
          await tally.offer({ add: 2 });
          return found.ask<number>((reply) => ({ add: 3, reply }));
        }
        case 'other':
          return tally.ask<unknown>((reply) => ({ who: reply }));
        case 'slow': {
          const error = await tally.ask((reply) => ({ slow: reply }), { timeoutMs: 20 }).catch((e: TroupeError) => e);
          return (error as TroupeError).code;
        }
        case 'end': {
          const ended = new Promise<unknown>((resolve) => ctx.actors.watch(tally, ({ reason }) => resolve(reason)));
          tally.tell('end');
          return ended;
        }
        default:
          return tally.ask<number>((reply) => ({ add: 1, reply })).catch((error: TroupeError) => error.code);
      }
    },
    async spread(ctx, what) {
      const topic = ctx.actors.topic<string>('thread news');
      if (what === 'listen') ctx.subscribe(topic.name, 'notice');
      else if (what === 'deaf') ctx.unsubscribe(topic.name);
      else if (what === 'nameless') ctx.subscribe('', 'notice');
      else if (what !== 'spawn') return topic.publish(what);
      else {
        try {
          ctx.actors.spawn(() => ({ receive: () => undefined }));
        } catch (error) {
          return (error as TroupeError).code;
        }
      }
      return undefined;
    },
    notice: (ctx, news) =>
      ctx.setState({
        ...ctx.state,
        noticed: [...(ctx.state.noticed ?? []), typeof news === 'string' ? news : news.reason],
      }),
    noticed: (ctx) => ctx.state.noticed ?? [],
  },
  vote: (ctx, { options }) => ({ choice: options?.[0] ?? 'none', reason: ctx.address.key }),
});
