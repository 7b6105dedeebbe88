import type { Ask } from './ask.ts';
import type { AnyCell } from './children.ts';

/** Actors in one cycle that is looked for. A longer one is left to its deadlines. */
const CYCLE_ACTORS_MAX = 64;

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

function isAwaited({ asker, run }: Ask): boolean {
  if (asker === undefined) return false;
  return asker.cell.busy && asker.cell.context === asker && asker.run === run;
}
