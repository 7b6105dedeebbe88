/** The agents of the swarm benchmark, as each of its processes loads them. */
import { type AgentDefinition, defineAgent } from 'troupe';
import { z } from 'zod';

/** Highest number that may be guessed. */
const GUESS_MAX = 100;
/** Small enough that a lost process's share spreads evenly, large enough that shards fill alike. */
const SHARDS = 64;

const messages = { guess: { input: z.object({ delayMs: z.number() }) } } as const;

/** What a player answers: its own seat, so that the counting side counts who answered and not whom it asked, and its guess. */
export type Answer = readonly [seat: number, guess: number];

/** The guess of a seat: the same whoever asks, so that each answer can be checked. */
export function guessOf(seat: number): number {
  return (Math.imul(seat, 0x9e3779b1) >>> 0) % (GUESS_MAX + 1);
}

/** Plays one round of "guess two thirds of the average": thinks for a while, then says its number. Its key is its seat. */
export const player: AgentDefinition<undefined, typeof messages> = defineAgent('player', {
  durability: 'none',
  state: () => undefined,
  shards: SHARDS,
  placement: { require: { role: 'player' } },
  messages,
  handlers: {
    async guess(ctx, { delayMs }): Promise<Answer> {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const seat = Number(ctx.address.key);
      return [seat, guessOf(seat)];
    },
  },
});
