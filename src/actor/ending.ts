import { errorMessage, type Timer } from '../core/index.ts';
import type { ActorCell } from './actor-cell.ts';
import type { StopReason } from './behavior.ts';
import type { AnyCell } from './children.ts';
import { die } from './death.ts';
import { Status } from './status.ts';

/**
 * The end of an incarnation under way. Always in this order: the handler settles, the children are stopped, the stop hook
 * runs. The handler and the hook each have `shutdownMs`; what isn't done by then is abandoned.
 */
export class Ending {
  /** False while a new incarnation is to follow. */
  final: boolean;
  reason: StopReason;
  readonly error: unknown;
  abandoned = false;
  hook = false;
  timer: Timer | undefined;
  readonly after: (() => void)[] = [];

  constructor(final: boolean, reason: StopReason, error: unknown) {
    this.final = final;
    this.reason = reason;
    this.error = error;
  }
}

/** How an incarnation is to end. */
export interface EndRequest {
  /** False when a new incarnation is to follow. */
  readonly final: boolean;
  readonly reason: StopReason;
  readonly error?: unknown;
  /** Called when it has ended, also when it was dead before. */
  readonly after?: () => void;
  /** Lets the handler finish in peace for this long before its signal fires, ms. Without it the signal fires at once. */
  readonly patienceMs?: number;
}

/** Begins to end an incarnation, or adds the request to an ending under way: a final one wins. */
export function endIncarnation<M>(cell: ActorCell<M>, request: EndRequest): void {
  if (cell.status === Status.dead) {
    request.after?.();
    return;
  }
  const under = cell.ending;
  const ending = under ?? new Ending(request.final, request.reason, request.error);
  if (request.after !== undefined) ending.after.push(request.after);
  if (under !== undefined) {
    if (request.final && !under.final) {
      under.final = true;
      under.reason = request.reason;
      cell.status = Status.stopping;
    }
    return;
  }
  cell.ending = ending;
  cell.status = request.final ? Status.stopping : Status.restarting;
  cell.record?.timer?.cancel();
  if (cell.context === undefined) {
    finish(cell, ending);
    return;
  }
  if (request.patienceMs === undefined) cell.context.close();
  if (cell.busy) limit(cell, ending, request.patienceMs ?? cell.spec.shutdownMs);
  else afterHandler(cell, ending);
}

/** The handler or the stop hook of an ending incarnation has settled. */
export function settledWhileEnding<M>(cell: ActorCell<M>, ending: Ending, crash: { error: unknown } | undefined): void {
  ending.timer?.cancel();
  if (!ending.hook) {
    afterHandler(cell, ending);
    return;
  }
  if (crash !== undefined) logHook(cell, crash.error);
  finish(cell, ending);
}

/**
 * Ends an incarnation on the spot: nothing is waited for and no hook runs. Its children die with it.
 *
 * @param final false to leave it to the supervisor whether it comes back
 */
export function kill<M>(cell: ActorCell<M>, final: boolean): void {
  if (cell.status === Status.dead || (cell.status === Status.waiting && !final)) return;
  const ending = cell.ending;
  ending?.timer?.cancel();
  cell.record?.timer?.cancel();
  cell.ending = undefined;
  cell.context?.close();
  const family = cell.context?.family;
  if (family !== undefined) {
    family.onGone = undefined;
    for (const child of [...family].reverse()) kill(child, true);
  }
  cell.abandonHandler();
  cell.context = undefined;
  if (final || cell.status === Status.stopping) {
    die(cell, cell.extraction === undefined ? 'killed' : 'extracted', undefined);
  } else if (ending === undefined) {
    cell.killed();
  } else {
    cell.status = Status.waiting;
  }
  for (const after of ending?.after ?? []) after();
}

function afterHandler<M>(cell: ActorCell<M>, ending: Ending): void {
  cell.context?.close();
  stopChildren(cell, () => runHook(cell, ending));
}

function stopChildren<M>(cell: ActorCell<M>, done: () => void): void {
  const family = cell.context?.family;
  if (family === undefined || family.size === 0) {
    done();
    return;
  }
  // Through signals, not calls: ten thousand children must not be ten thousand stack frames, nor one long turn.
  const stop = (child: AnyCell): void =>
    cell.kernel.dispatcher.signal(() => endIncarnation(child, { final: true, reason: 'shutdown' }));
  const together = cell.spec.supervision.stopOrder === 'together';
  family.onGone = () => {
    if (family.last === undefined) {
      family.onGone = undefined;
      done();
    } else if (!together) stop(family.last);
  };
  if (together) for (const child of [...family].reverse()) stop(child);
  else stop(family.last!);
}

function runHook<M>(cell: ActorCell<M>, ending: Ending): void {
  const context = cell.context;
  if (context === undefined || !context.started || ending.abandoned) {
    finish(cell, ending);
    return;
  }
  ending.hook = true;
  try {
    const outcome = context.behavior?.stop?.(context, ending.final ? ending.reason : 'restart');
    if (typeof outcome?.then === 'function') {
      cell.busy = true;
      limit(cell, ending, cell.spec.shutdownMs);
      context.waitFor(outcome);
      return;
    }
  } catch (error) {
    logHook(cell, error);
  }
  finish(cell, ending);
}

function limit<M>(cell: ActorCell<M>, ending: Ending, delayMs: number): void {
  ending.timer = cell.kernel.clock.schedule(delayMs, () => {
    cell.kernel.logger.warn('actor did not stop in time', { actor: cell.path, hook: ending.hook, limitMs: delayMs });
    ending.abandoned = true;
    cell.context?.close();
    cell.abandonHandler();
    if (ending.hook) finish(cell, ending);
    else afterHandler(cell, ending);
  });
}

function finish<M>(cell: ActorCell<M>, ending: Ending): void {
  ending.timer?.cancel();
  cell.ending = undefined;
  cell.context = undefined;
  if (ending.final) {
    const killed = ending.abandoned && cell.extraction === undefined;
    die(cell, killed ? 'killed' : ending.reason, ending.error);
  } else {
    cell.status = Status.waiting;
  }
  for (const after of ending.after) after();
}

function logHook<M>(cell: ActorCell<M>, error: unknown): void {
  cell.kernel.logger.error('stop hook failed', { actor: cell.path, error: errorMessage(error) });
}
