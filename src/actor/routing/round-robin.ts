import type { Ref } from '../ref.ts';
import type { Routees } from './routees.ts';
import { Router } from './router.ts';

/** A router that takes its routees in turn. */
export function roundRobin<M>(routees: Routees<M>): Ref<M> {
  let turn = 0;
  return new Router('round-robin', routees, (cells) => {
    if (turn >= cells.length) turn = 0;
    const cell = cells[turn]!;
    // A dead one is about to leave, and the next takes its place.
    if (!cell.closed) turn++;
    return cell;
  });
}
