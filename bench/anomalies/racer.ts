/** The agents of the anomalies benchmark, as each of its nodes loads them. */
import { randomUUID } from 'node:crypto';
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';
import { reach } from '../crash/points.ts';
import { useTool } from '../crash/tool.ts';

/** Roles of workers: with protection and without. Each has a kind of agents of its own, which are the same otherwise. */
export const MODES = { with: 'with', without: 'without' } as const;
export type Mode = keyof typeof MODES;
/** Role of the node on which receivers live, which is never killed. */
export const RECEIVERS = 'receivers';

const SHARDS = 32;

/** What an agent has done, one entry a turn. */
type History = readonly string[];

const received = { order: { input: z.string() }, read: { input: z.undefined() } } as const;

/** Gets what racers order, and remembers it. */
export const receiver: AgentDefinition<History, typeof received> = defineAgent('receiver', {
  state: (): History => [],
  shards: SHARDS,
  placement: { require: { role: RECEIVERS } },
  messages: received,
  handlers: {
    order: (ctx, order) => ctx.setState([...ctx.state, order]),
    read: (ctx) => ctx.state,
  },
});

const messages = {
  bump: { input: z.undefined() },
  write: { input: z.object({ points: z.string() }) },
  order: { input: z.object({ points: z.string() }) },
  pair: { input: z.object({ points: z.string(), tool: z.string() }) },
  work: { input: z.object({ tool: z.string(), steps: z.number(), stepMs: z.number() }) },
  read: { input: z.undefined() },
} as const;

const racer = (mode: Mode): AgentDefinition<History, typeof messages> =>
  defineAgent(`racer-${mode}`, {
    state: (): History => [],
    shards: SHARDS,
    placement: { require: { role: MODES[mode] } },
    messages,
    handlers: {
      /** Writes and answers. */
      bump(ctx) {
        ctx.setState([...ctx.state, 'bump']);
        return ctx.state;
      },
      /** Waits, then writes which process it is. */
      async write(ctx, { points }) {
        await reach(points, { key: ctx.address.key, moment: 'write', node: ctx.node.node });
        ctx.setState([...ctx.state, `${process.pid}`]);
        return ctx.state;
      },
      /** Makes something up, tells another, and waits before it ends. */
      async order(ctx, { points }) {
        const order = await ctx.step('order', () => randomUUID());
        await ctx.agent(receiver, ctx.address.key).ask('order', order);
        await reach(points, { key: ctx.address.key, moment: 'order', node: ctx.node.node });
        ctx.setState([...ctx.state, order]);
        return ctx.state;
      },
      /** Has two effects, and waits before it ends. */
      async pair(ctx, { points, tool }) {
        const { key } = ctx.address;
        for (const effect of ['first', 'second']) {
          await ctx.step(effect, () => useTool(tool, `${key}/${effect}`, 0));
        }
        await reach(points, { key, moment: 'pair', node: ctx.node.node });
        ctx.setState([...ctx.state, 'pair']);
      },
      /** What the cost of protection is measured on. */
      async work(ctx, { tool, steps, stepMs }) {
        for (let at = 0; at < steps; at++) {
          await ctx.step('use', ({ idempotencyKey }) => useTool(tool, idempotencyKey, stepMs));
        }
        ctx.setState(['worked']);
      },
      read: (ctx) => ctx.state,
    },
  });

export const racerWith: ReturnType<typeof racer> = racer('with');
export const racerWithout: ReturnType<typeof racer> = racer('without');
