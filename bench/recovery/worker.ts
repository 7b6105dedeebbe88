/** The agents of the recovery benchmark, as each of its nodes loads them: the same work with a journal and without. */
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';
import { type Point, reach } from '../crash/points.ts';
import { askTool, useTool } from '../crash/tool.ts';

const SHARDS = 32;

const run = z.object({
  /** Where the tool is. */
  tool: z.string(),
  /** Where to say how far it is; nobody wants to know when left out. */
  points: z.string().optional(),
  steps: z.number(),
  /** How long the tool works at each step, ms. */
  stepMs: z.number(),
});
type Run = z.output<typeof run>;
const messages = { run: { input: run } } as const;
const placement = { require: { role: 'worker' } } as const;

/** Moments of a step at which its process may be killed. */
export type Moment = 'before' | 'after' | 'recovering';

/** One step after the other. @returns the numbers of the effects, as the tool gave them */
async function inTurn(steps: number, step: (at: number) => Promise<number>): Promise<number[]> {
  const effects: number[] = [];
  for (let at = 0; at < steps; at++) effects.push(await step(at));
  return effects;
}

/** Uses the tool in steps, and asks it what it did when that isn't known. */
export const journalled: AgentDefinition<readonly number[], typeof messages> = defineAgent('journalled', {
  state: (): readonly number[] => [],
  shards: SHARDS,
  placement,
  messages,
  handlers: {
    async run(ctx, { tool, points, steps, stepMs }: Run) {
      const at = async (moment: Moment): Promise<void> => {
        const point: Point = { key: ctx.address.key, moment, node: ctx.node.node };
        if (points !== undefined) await reach(points, point);
      };
      const reconcile = async ({ idempotencyKey }: { readonly idempotencyKey: string }) => {
        await at('recovering');
        const done = await askTool(tool, idempotencyKey);
        return done === undefined ? ({ notDone: true } as const) : { done };
      };
      const effects = await inTurn(steps, () =>
        ctx.step('use', { onUnknown: 'reconcile', reconcile }, async ({ idempotencyKey }) => {
          await at('before');
          const effect = await useTool(tool, idempotencyKey, stepMs);
          await at('after');
          return effect;
        }),
      );
      ctx.setState(effects);
      return effects;
    },
  },
});

/** Uses the tool and remembers nothing. */
export const plain: AgentDefinition<undefined, typeof messages> = defineAgent('plain', {
  durability: 'none',
  state: () => undefined,
  shards: SHARDS,
  placement,
  messages,
  handlers: {
    run: (ctx, { tool, steps, stepMs }: Run) =>
      inTurn(steps, (at) => useTool(tool, `${ctx.address.kind}/${ctx.requestId}/${at}`, stepMs)),
  },
});
