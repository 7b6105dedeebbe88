/** The agents of `soak -- chaos`, as each of its nodes loads them. */
import { defineAgent, TroupeError } from 'troupe';
import { z } from 'zod';
import { ask, PARTS } from './tool.ts';

/** What an agent has seen of its own past. */
export const tally = z.object({
  /** The last number that it took. */
  last: z.number(),
  /** Numbers that it took again. */
  doubled: z.number(),
  /** Numbers that came before one that they follow. */
  skipped: z.number(),
});

/** Takes numbers in order, each with two effects outside. */
export const clerk = defineAgent('clerk', {
  state: () => ({ last: -1, doubled: 0, skipped: 0 }),
  shards: 32,
  placement: { prefer: { capacity: 'spot' } },
  messages: {
    take: { input: z.object({ n: z.number(), tool: z.string() }), output: z.number() },
    read: { input: z.null(), output: tally },
  },
  handlers: {
    async take(ctx, { n, tool }) {
      const life = `${ctx.node.node}/${ctx.node.incarnation}`;
      const reconcile = async ({ idempotencyKey: key }: { readonly idempotencyKey: string }) => {
        const { outcome } = await ask(tool, 'find', { key, life });
        return outcome === 'done' ? { done: null } : ({ notDone: true } as const);
      };
      for (const part of PARTS) {
        await ctx.step(part, { onUnknown: 'reconcile', reconcile }, async ({ idempotencyKey: key }) => {
          const { outcome } = await ask(tool, 'use', { key, life });
          if (outcome === 'refused') throw new TroupeError('NODE_FENCED', `${life} was given up`);
          return null;
        });
      }
      const { last, doubled, skipped } = ctx.state;
      ctx.setState({
        last: Math.max(last, n),
        doubled: doubled + (n <= last ? 1 : 0),
        skipped: skipped + Math.max(0, n - last - 1),
      });
      return n;
    },
    read: (ctx) => ctx.state,
  },
});
