import { defineAgent } from 'troupe';
import { z } from 'zod';

/** An account that counts; every addition is one step with a receipt. */
export const account = defineAgent('account', {
  state: () => ({ total: 0, requests: [] as string[] }),
  messages: {
    add: { input: z.number(), output: z.number() },
    read: { input: z.null(), output: z.object({ total: z.number(), requests: z.array(z.string()) }) },
    where: { input: z.null(), output: z.string() },
    slow: { input: z.object({ steps: z.number(), stepMs: z.number() }), output: z.number() },
    block: { input: z.number(), output: z.string() },
    keep: { input: z.string(), output: z.number() },
    give: { input: z.string() },
  },
  handlers: {
    async add(ctx, by) {
      const added = await ctx.step('effect', () => by);
      ctx.setState({ total: ctx.state.total + added, requests: [...ctx.state.requests, ctx.requestId] });
      return ctx.state.total;
    },
    read: (ctx) => ctx.state,
    where: (ctx) => ctx.node.node,
    async slow(ctx, { steps, stepMs }) {
      for (let i = 0; i < steps; i++) {
        await ctx.step('effect', () => new Promise((resolve) => setTimeout(resolve, stepMs)));
      }
      ctx.setState({ total: ctx.state.total + 1, requests: [...ctx.state.requests, ctx.requestId] });
      return ctx.state.total;
    },
    /** Writes much to the journal. */
    async keep(ctx, text) {
      return (await ctx.step('keep', () => text)).length;
    },
    /** Gives 1 to another account by a durable message, and 100 to itself a moment later. */
    async give(ctx, to): Promise<void> {
      await ctx.agent(account, to).send('add', 1);
      ctx.after('hundred', 500, 'add', 100);
    },
    /** Blocks the main thread of its node, as bad code would. */
    block(ctx, ms) {
      const until = performance.now() + ms;
      while (performance.now() < until);
      return ctx.node.node;
    },
  },
  vote: (_ctx, request) => ({ choice: request.options?.[0] ?? 'none' }),
});
