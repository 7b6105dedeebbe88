/** The agents that work on spot machines, as each node of the spot benchmark loads them. */
import { appendFileSync } from 'node:fs';
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';

/** Steps of a job, and how long each waits for something outside (a language model, say), ms. */
export const STEPS = 20;
const STEP_MS = 200;
/** Steps at a time on one machine: what makes two machines more than one. */
const SLOTS = 12;
const SHARDS = 32;

let free = SLOTS;
const waiting: (() => void)[] = [];

/** One step's work: a line in a file that nobody takes back. */
async function work(file: string, line: string, signal: AbortSignal): Promise<void> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => void waiting.push(resolve));
  try {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    if (!signal.aborted) appendFileSync(file, `${line}\n`);
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

const messages = {
  /** @returns jobs done so far, this one included */
  job: { input: z.object({ file: z.string(), job: z.number() }), output: z.number() },
  read: { input: z.null(), output: z.number() },
} as const;

type Worker = AgentDefinition<{ readonly jobs: number }, typeof messages>;

/** Each step has a receipt: whoever goes on with a job goes on behind its finished steps. */
export const worker: Worker = defineAgent('worker', {
  state: () => ({ jobs: 0 }),
  shards: SHARDS,
  placement: { require: { capacity: 'spot' } },
  messages,
  handlers: {
    async job(ctx, { file, job }) {
      for (let n = 0; n < STEPS; n++) {
        await ctx.step('work', () => work(file, `${ctx.address.key} ${job} ${n}`, ctx.signal));
      }
      ctx.setState({ jobs: ctx.state.jobs + 1 });
      return ctx.state.jobs;
    },
    read: (ctx) => ctx.state.jobs,
  },
});

/** The same work without receipts: a job that is interrupted begins again. */
export const scratch: Worker = defineAgent('scratch', {
  state: () => ({ jobs: 0 }),
  shards: SHARDS,
  placement: { require: { capacity: 'spot' } },
  messages,
  handlers: {
    async job(ctx, { file, job }) {
      for (let n = 0; n < STEPS && !ctx.signal.aborted; n++) {
        await work(file, `${ctx.address.key} ${job} ${n}`, ctx.signal);
      }
      ctx.signal.throwIfAborted();
      ctx.setState({ jobs: ctx.state.jobs + 1 });
      return ctx.state.jobs;
    },
    read: (ctx) => ctx.state.jobs,
  },
});
