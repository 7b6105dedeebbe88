import { defineAgent, team } from 'troupe';
import { z } from 'zod';
export const counter = defineAgent('counter', {
  state: () => ({ count: 0 }),
  messages: { add: { input: z.number(), output: z.number() }, where: { input: z.any() }, crash: { input: z.any() } },
  handlers: {
    async add(ctx, n) {
      const v = await ctx.step('effect', () => n);
      ctx.setState({ count: ctx.state.count + v });
      return ctx.state.count;
    },
    where: (ctx) => ctx.node.node,
    crash: () => {
      throw new RangeError('boom');
    },
  },
  vote: (ctx, request) => ({ choice: request.options?.[0] ?? 'x', reason: ctx.address.key }),
});
