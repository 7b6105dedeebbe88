import type { Ref } from '../ref.ts';
import type { Routees } from './routees.ts';
import { Router } from './router.ts';

/**
 * A router that takes the routee with the least to do: the message being handled and those that wait. Of equals, the next
 * in turn. It looks at each routee for each message; for thousands of them `roundRobin` is cheaper.
 */
export function leastMailbox<M>(routees: Routees<M>): Ref<M> {
  let turn = 0;
  return new Router('least-mailbox', routees, (cells) => {
    let least = cells[turn % cells.length]!;
    for (let i = 1; i < cells.length && least.load > 0; i++) {
      const cell = cells[(turn + i) % cells.length]!;
      if (cell.load < least.load) least = cell;
    }
    turn = (cells.indexOf(least) + 1) % cells.length;
    return least;
  });
}
