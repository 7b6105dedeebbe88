/** The agents of the failover benchmark, as each of its nodes loads them. */
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';

const SHARDS = 64;
/** Longer than the benchmark, so that those who are resident stay. */
const STAYS_MS = 600_000;

const messages = { add: { input: z.undefined() }, read: { input: z.undefined() } } as const;

/** Counts, durably: what `add` answers was written before. */
export const counter: AgentDefinition<number, typeof messages> = defineAgent('counter', {
  state: (): number => 0,
  shards: SHARDS,
  placement: { require: { role: 'worker' } },
  passivateAfterMs: STAYS_MS,
  messages,
  handlers: {
    add(ctx) {
      ctx.setState(ctx.state + 1);
      return ctx.state;
    },
    read: (ctx) => ctx.state,
  },
});
