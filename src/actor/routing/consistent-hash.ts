import type { Ref } from '../ref.ts';
import type { Routees } from './routees.ts';
import { Router } from './router.ts';

/**
 * A router that sends messages of the same key to the same routee as long as that one lives, and when routees come or go
 * moves only the keys that must. Rendezvous hashing (Thaler and Ravishankar 1998): each routee draws a number for the key,
 * and the highest wins. It draws once per routee for each message.
 *
 * @param keyOf the key of a message; a throw passes to the sender
 */
export function consistentHash<M>(routees: Routees<M>, keyOf: (message: M) => string): Ref<M> {
  return new Router('consistent-hash', routees, (cells, message) => {
    const key = hash(keyOf(message));
    let chosen = cells[0]!;
    let highest = -1;
    for (const cell of cells) {
      const drawn = scatter(key ^ Math.imul(cell.id, 0x9e3779b1));
      if (drawn <= highest) continue;
      highest = drawn;
      chosen = cell;
    }
    return chosen;
  });
}

/** FNV-1a over UTF-16 units, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

/** Spreads each bit over all 32: the finaliser of MurmurHash3. */
function scatter(h: number): number {
  let mixed = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
