import { defineAgent, TroupeError } from 'troupe';
import { z } from 'zod';

/** How often each step's effect really ran, by idempotency key: the outside world of these tests. */
export const effects: Map<string, number> = new Map();

/** Counts, with a step per addition; and fails on command. */
export const counter = defineAgent('counter', {
  state: () => ({ count: 0 }),
  messages: {
    add: { input: z.number(), output: z.number() },
    read: { input: z.undefined(), output: z.number() },
    crash: { input: z.undefined() },
    failAfterStep: { input: z.object({ times: z.number() }), output: z.string() },
    where: { input: z.undefined(), output: z.string() },
    wait: { input: z.undefined(), output: z.string() },
    askOther: { input: z.string(), output: z.number() },
  },
  handlers: {
    async add(ctx, by) {
      const added = await ctx.step('effect', ({ idempotencyKey }) => {
        effects.set(idempotencyKey, (effects.get(idempotencyKey) ?? 0) + 1);
        return by;
      });
      ctx.setState({ count: ctx.state.count + added });
      return ctx.state.count;
    },
    read: (ctx) => ctx.state.count,
    crash: () => {
      throw new RangeError('boom');
    },
    async failAfterStep(ctx, { times }) {
      const before = await ctx.step('effect', ({ idempotencyKey }) => {
        effects.set(idempotencyKey, (effects.get(idempotencyKey) ?? 0) + 1);
        return 'done';
      });
      const tries = (failures.get(ctx.requestId) ?? 0) + 1;
      failures.set(ctx.requestId, tries);
      if (tries <= times) throw new TroupeError('HANDLER_FAILED', `try ${tries} fails`);
      return before;
    },
    where: (ctx) => ctx.node.node,
    wait: (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true });
      }),
    askOther: (ctx, key): Promise<number> => ctx.agent(counter, key).ask('add', 1),
  },
  vote: (ctx, request) => ({
    choice: request.options?.[Number(ctx.address.key.slice(-1)) % request.options.length] ?? 'none',
  }),
});

const failures: Map<string, number> = new Map();
