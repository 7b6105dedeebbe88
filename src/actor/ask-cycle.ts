import type { Ask } from './ask.ts';
import type { AnyCell } from './children.ts';

/** Actors in one cycle that is looked for. A longer one is left to its deadlines. */
export const CYCLE_ACTORS_MAX = 64;

/** Where an ask that came from another node has come from. */
export interface AskOrigin {
  /** Looks for a cycle over other nodes that `ask` closes: it is this ask, or was made for it and is awaited. */
  chase(ask: Ask): void;
}

/**
 * The cycle of actors that an ask has closed: each awaits, in the handler it is in, an answer of the next, which can't begin
 * to answer before its own handler is done. An ask counts as awaited while the handler that made it is under way.
 *
 * @returns the asker, its target, and so on to the asker again; undefined when there is no such cycle
 */
export function askCycle(ask: Ask): AnyCell[] | undefined {
  const asker = ask.asker?.cell;
  if (asker === undefined || !isAwaited(ask)) return undefined;
  const rest = wayTo(asker, ask, new Set());
  return rest === undefined ? undefined : [asker, ...rest];
}

function wayTo(asker: AnyCell, ask: Ask, seen: Set<AnyCell>): AnyCell[] | undefined {
  const { target } = ask;
  if (target === asker) return asker.holds(ask.message) ? [asker] : undefined;
  if (!target.busy || seen.has(target) || seen.size >= CYCLE_ACTORS_MAX) return undefined;
  seen.add(target);
  for (const next of target.context?.asking ?? []) {
    if (!isAwaited(next)) continue;
    const rest = wayTo(asker, next, seen);
    if (rest !== undefined && target.holds(ask.message)) return [target, ...rest];
  }
  return undefined;
}

/**
 * Who waits for an ask here: its asker, then the one that asked that one, and so on.
 *
 * @returns them, and where the outermost of their asks has come from, if it did; undefined when one of them doesn't wait
 */
export function waitersFor(
  ask: Ask,
): { readonly actors: AnyCell[]; readonly origin: AskOrigin | undefined } | undefined {
  const actors: AnyCell[] = [];
  let top = ask;
  while (top.asker !== undefined) {
    if (!isAwaited(top)) return undefined;
    const { cell } = top.asker;
    actors.push(cell);
    const { enclosing } = top;
    if (enclosing === undefined) return { actors, origin: undefined };
    // What was handed on meanwhile is another one's to answer.
    if (enclosing.target !== cell) return undefined;
    top = enclosing;
  }
  return { actors, origin: top.origin };
}

/** Where the outermost ask that this one is made for has come from, when that was another node. */
export function originAbove(ask: Ask): AskOrigin | undefined {
  let top = ask;
  while (top.enclosing !== undefined) top = top.enclosing;
  return top.origin;
}

function isAwaited({ asker, run }: Ask): boolean {
  if (asker === undefined) return false;
  return asker.cell.busy && asker.cell.context === asker && asker.run === run;
}
