import { defineAgent, team } from 'troupe';
import { z } from 'zod';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does one thing, in two steps. */
export const clerk = defineAgent('clerk', {
  state: () => ({ filed: 0 }),
  messages: {
    file: { input: z.string(), output: z.string() },
    work: { input: z.object({ steps: z.number(), stepMs: z.number() }), output: z.string() },
  },
  handlers: {
    async file(ctx, paper) {
      const stamp = await ctx.step('stamp', () => paper.toUpperCase());
      const shelf = await ctx.step('shelve', () => `${stamp}@${ctx.node.node}`);
      ctx.setState({ filed: ctx.state.filed + 1 });
      return shelf;
    },
    async work(ctx, { steps, stepMs }) {
      for (let i = 0; i < steps; i++) await ctx.step('part', () => pause(stepMs));
      ctx.setState({ filed: ctx.state.filed + 1 });
      return ctx.node.node;
    },
  },
  vote: (_ctx, request) => ({ choice: request.options?.[0] ?? 'none' }),
});

/** Has clerks do it, and a panel of clerks decide on it. */
export const desk = defineAgent('desk', {
  state: () => ({}),
  messages: { handle: { input: z.string(), output: z.object({ choice: z.string(), papers: z.array(z.string()) }) } },
  handlers: {
    async handle(ctx, name) {
      const papers = await Promise.all(['a', 'b'].map((part) => ctx.agent(clerk, `${name}-${part}`).ask('file', part)));
      const panel = team(ctx.host, `panel-${name}`, { members: [clerk], size: 3 });
      const { result } = await panel.decide({ question: name, options: ['yes', 'no'] });
      await ctx.step('sign', () => name);
      return { choice: result?.choice ?? 'none', papers };
    },
  },
});
