import { backoffMs, errorMessage, type Timer, TroupeError } from '../core/index.ts';
import type { AnyCell, Children } from './children.ts';
import type { Context } from './context.ts';
import { endIncarnation } from './ending.ts';
import { Status } from './status.ts';
import { type Directive, decide, type ExitKind, nextAttempt, planRestart, type Strategy } from './supervision.ts';

/** How a child ended, as its supervisor hears it. */
export interface Exit {
  readonly kind: ExitKind;
  readonly error: unknown;
}

/** What is remembered of an actor that has failed before. */
export class RestartRecord {
  /** Restarts so far. */
  restarts = 0;
  /** Restarts in a row, for the backoff. */
  attempt = 0;
  /** Times of restarts under the actor's own limit, ms. */
  failures: readonly number[] = [];
  /** When the incarnation finished starting, monotonic ms; undefined until it has. */
  startedAt: number | undefined;
  /** Set during the backoff. */
  timer: Timer | undefined;
}

/**
 * Lets a supervisor decide about a child's exit and carries the decision out. While the supervisor can't decide (it has
 * failed itself, or restarts a group) the exit waits; while it ends, its children end anyway.
 */
export function supervise(child: AnyCell, exit: Exit): void {
  const parent = child.parent;
  if (parent === undefined) {
    child.kernel.fatal(exit.error);
    return;
  }
  const context = parent.context;
  const family = context?.family;
  if (context === undefined || family === undefined || parent.ending !== undefined) return;
  if (parent.status === Status.failed || family.group !== undefined) {
    family.postponed.push({ child, exit, incarnation: child.context });
    return;
  }
  const { supervision } = parent.spec;
  const own = child.spec.restartLimit;
  const now = child.kernel.clock.monotonic();
  const decision = decide({
    exit: exit.kind,
    restart: child.spec.restart,
    strategy: supervision.strategy,
    directive: exit.kind === 'crash' ? askDecider(parent, exit.error) : 'restart',
    started: child.context?.started ?? false,
    failures: own === undefined ? family.failures : (child.record?.failures ?? []),
    limit: own ?? supervision,
    limitOf: own === undefined ? 'supervisor' : 'child',
    now,
  });
  switch (decision.action) {
    case 'resume':
      child.resume();
      return;
    case 'stop':
      endIncarnation(child, { final: true, reason: reasonOf(exit.kind), error: exit.error });
      return;
    case 'escalate':
      endIncarnation(child, { final: true, reason: reasonOf(exit.kind), error: exit.error });
      parent.fail(
        new TroupeError('HANDLER_FAILED', `a child failed and was given up (${decision.because})`, {
          address: child.path,
          cause: exit.error,
        }),
      );
      return;
    case 'restart': {
      const record = recordOf(child);
      if (own === undefined) family.failures = decision.failures;
      else record.failures = decision.failures;
      restart(parent, context, family, child, exit, decision.strategy, backoff(child, record, now));
    }
  }
}

/** Supervises the exits that had to wait and still hold. */
export function supervisePostponed(family: Children | undefined): void {
  for (const { child, exit, incarnation } of family?.postponed.splice(0) ?? []) {
    const failed = exit.kind === 'crash' || exit.kind === 'kill';
    const holds = child.context === incarnation && child.ending === undefined;
    if (holds && (failed ? child.status === Status.failed : child.status < Status.failed)) supervise(child, exit);
  }
}

function restart(
  parent: AnyCell,
  context: Context<unknown>,
  family: Children,
  failed: AnyCell,
  exit: Exit,
  strategy: Strategy,
  delayMs: number,
): void {
  const { clock, dispatcher } = parent.kernel;
  const announce = (): void =>
    parent.kernel.restarted({
      ref: failed,
      exit: exit.kind,
      error: exit.error,
      restarts: recordOf(failed).restarts + 1,
      delayMs,
    });
  if (strategy === 'one-for-one') {
    const again = (): void => {
      if (failed.status !== Status.waiting) return;
      recordOf(failed).timer = clock.schedule(delayMs, () => beginAgain(failed));
    };
    announce();
    endIncarnation(failed, { final: false, reason: reasonOf(exit.kind), after: again });
    return;
  }
  const cells = [...family];
  const plan = planRestart(
    strategy,
    cells.map((cell) => cell.spec.restart),
    cells.indexOf(failed),
  );
  const group: { timer?: Timer } = {};
  family.group = group;
  const comesBack = new Set(plan.begin);
  let ended = 0;
  const begin = (): void => {
    family.group = undefined;
    for (const index of plan.begin) beginAgain(cells[index]!);
    supervisePostponed(family);
  };
  const endNext = (): void => {
    if (context.closed) return;
    const index = plan.end[ended++];
    if (index === undefined) {
      group.timer = clock.schedule(delayMs, begin);
      return;
    }
    const final = !comesBack.has(index);
    dispatcher.signal(() => endIncarnation(cells[index]!, { final, reason: 'shutdown', after: endNext }));
  };
  announce();
  endNext();
}

function beginAgain(cell: AnyCell): void {
  if (cell.status !== Status.waiting) return;
  const record = recordOf(cell);
  record.restarts++;
  record.startedAt = undefined;
  record.timer = undefined;
  cell.begin();
}

function backoff(child: AnyCell, record: RestartRecord, now: number): number {
  const policy = child.spec.backoff;
  const ranMs = record.startedAt === undefined ? 0 : now - record.startedAt;
  const attempt = nextAttempt(record.attempt, ranMs, policy.stableMs);
  record.attempt = attempt + 1;
  return backoffMs(policy, attempt, child.kernel.random);
}

function recordOf(cell: AnyCell): RestartRecord {
  cell.record ??= new RestartRecord();
  return cell.record;
}

function askDecider(parent: AnyCell, error: unknown): Directive {
  try {
    return parent.spec.supervision.decider?.(error) ?? 'restart';
  } catch (failure) {
    parent.kernel.logger.error('decider failed', { actor: parent.path, error: errorMessage(failure) });
    return 'restart';
  }
}

function reasonOf(kind: ExitKind): 'normal' | 'shutdown' | 'crashed' | 'killed' {
  if (kind === 'crash') return 'crashed';
  return kind === 'kill' ? 'killed' : kind;
}
