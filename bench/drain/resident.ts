/** The agents that are drained, as each node of the drain benchmark loads them. */
import { randomBytes } from 'node:crypto';
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';

const SHARDS = 64;
/** Longer than any measurement, so that those who are resident stay. */
const STAYS_MS = 600_000;

interface State {
  /** Messages that took effect. */
  readonly count: number;
  readonly filler: Uint8Array;
}

const messages = {
  settle: { input: z.number(), output: z.number() },
  add: { input: z.null(), output: z.number() },
  read: { input: z.null(), output: z.number() },
} as const;

/** Each message that it counts is answered with its number, so whoever sent them knows in which order they took effect. */
export const resident: AgentDefinition<State, typeof messages> = defineAgent('resident', {
  state: (): State => ({ count: 0, filler: new Uint8Array(0) }),
  shards: SHARDS,
  placement: { require: { role: 'worker' } },
  passivateAfterMs: STAYS_MS,
  messages,
  handlers: {
    /** Takes so many bytes of state from now on. */
    settle(ctx, bytes) {
      ctx.setState({ count: 0, filler: randomBytes(bytes) });
      return 0;
    },
    add(ctx) {
      const count = ctx.state.count + 1;
      ctx.setState({ ...ctx.state, count });
      return count;
    },
    read: (ctx) => ctx.state.count,
  },
});
