import { appendFileSync } from 'node:fs';
import { defineAgent } from 'troupe';
import { z } from 'zod';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** One effect in the outside world: a line in a file that nobody takes back. */
const effect = (file: string, line: string): void => appendFileSync(file, `${line}\n`);

/** Lives on machines that are taken away. It may not crash even once: a move that counted as a crash would end it. */
export const recorder = defineAgent('recorder', {
  state: () => ({ notes: [] as number[] }),
  messages: {
    note: { input: z.object({ file: z.string(), n: z.number(), ms: z.number() }), output: z.string() },
    long: { input: z.object({ file: z.string(), steps: z.number(), stepMs: z.number() }), output: z.string() },
    deaf: { input: z.object({ file: z.string(), ms: z.number() }), output: z.string() },
    read: { input: z.null(), output: z.array(z.number()) },
  },
  placement: { prefer: { capacity: 'spot' } },
  supervision: { intensity: 0, periodMs: 600_000 },
  handlers: {
    async note(ctx, { file, n, ms }) {
      await ctx.step('note', async () => {
        await pause(ms);
        effect(file, `${ctx.address.key} ${n}`);
      });
      ctx.setState({ notes: [...ctx.state.notes, n] });
      return ctx.node.node;
    },
    /** A turn of many steps. */
    async long(ctx, { file, steps, stepMs }) {
      for (let i = 0; i < steps; i++) {
        await ctx.step('part', async () => {
          effect(file, `begin ${ctx.address.key} ${i}`);
          await pause(stepMs);
          effect(file, `end ${ctx.address.key} ${i}`);
        });
      }
      return ctx.node.node;
    },
    /** A turn that hears no signal and takes no steps. */
    async deaf(ctx, { file, ms }) {
      effect(file, `deaf ${ctx.node.node}`);
      if (ctx.node.node.startsWith('spot')) await pause(ms);
      return ctx.node.node;
    },
    read: (ctx) => ctx.state.notes,
  },
});

/** Sends to recorders from a machine that stays: what one agent sends to another arrives in order. */
export const sender = defineAgent('sender', {
  state: () => null,
  messages: {
    send: {
      input: z.object({ to: z.string(), file: z.string(), count: z.number(), ms: z.number() }),
      output: z.array(z.string()),
    },
  },
  placement: { avoid: { capacity: 'spot' } },
  handlers: {
    send(ctx, { to, file, count, ms }) {
      const ref = ctx.agent(recorder, to);
      return Promise.all(
        Array.from({ length: count }, (_, n) => ref.ask('note', { file, n, ms }, { timeoutMs: 60_000 })),
      );
    },
  },
});
