import type { Ref } from '../ref.ts';
import type { Routees } from './routees.ts';

/** Sends every message to all. A question to all is `scatterGatherFirst`. */
export type Broadcast<M> = Pick<Ref<M>, 'path' | 'tell' | 'offer'>;

/**
 * A router that sends each message, the same object, to all its routees. `tell` is true when all took it; `offer` resolves
 * when all have it, and rejects with the first refusal once all have answered.
 */
export function broadcast<M>(routees: Routees<M>): Broadcast<M> {
  const all = () => {
    for (const cell of routees.cells) if (cell.closed && !cell.forwards) routees.remove(cell);
    return routees.cells;
  };
  return {
    path: 'broadcast',
    tell: (message) => all().reduce((taken, cell) => cell.tell(message) && taken, true),
    async offer(message) {
      const offers = await Promise.allSettled(all().map((cell) => cell.offer(message)));
      const refused = offers.find((offer) => offer.status === 'rejected');
      if (refused !== undefined) throw refused.reason;
    },
  };
}
