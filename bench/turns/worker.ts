/** The durable agents of the turns benchmark, as each of its nodes loads them. */
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';

/** Size of an agent's state, bytes. */
const STATE_BYTES = 1_024;
const SHARDS = 64;
/** Longer than any measurement, so that those who are resident stay. */
const STAYS_MS = 600_000;

interface State {
  readonly turns: number;
  readonly filler: Uint8Array;
}

const messages = { work: { input: z.undefined() } } as const;

/** Each turn does one step, which is nothing but its receipt, and changes the state. */
export const worker: AgentDefinition<State, typeof messages> = defineAgent('worker', {
  state: (): State => ({ turns: 0, filler: new Uint8Array(STATE_BYTES) }),
  shards: SHARDS,
  placement: { require: { role: 'worker' } },
  passivateAfterMs: STAYS_MS,
  messages,
  handlers: {
    async work(ctx) {
      const turns = await ctx.step('count', () => ctx.state.turns + 1);
      ctx.setState({ ...ctx.state, turns });
      return turns;
    },
  },
});
