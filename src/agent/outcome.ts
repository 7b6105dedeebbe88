import { type Clock, delay, type ErrorCode, errorMessage, TroupeError } from '../core/index.ts';
import type { Reconcile, StepFinding, StepQuery } from './context.ts';

/** Tries to find out what became of a step, and the pause after the first; each later one is twice as long, ms. */
const RECONCILE_TRIES_MAX = 5;
const RECONCILE_PAUSE_MS = 100;

/** Errors that leave open whether what was tried has happened. */
const UNKNOWN_OUTCOMES: ReadonlySet<string> = new Set([
  'STEP_UNKNOWN',
  'TIMEOUT',
  'CANCELLED',
  'NODE_UNAVAILABLE',
  'ACTOR_TERMINATED',
  'THREAD_OUT_OF_MEMORY',
  'THREAD_STUCK',
  'THREAD_EXITED',
] satisfies ErrorCode[]);
/** What the platform's own functions throw when they are cut short. */
const CUT_SHORT: ReadonlySet<string> = new Set(['AbortError', 'TimeoutError']);

/** Whether a step that threw this may have been done all the same. */
export function leavesUnknown(error: unknown): boolean {
  if (error instanceof TroupeError) return UNKNOWN_OUTCOMES.has(error.code);
  return error instanceof Error && CUT_SHORT.has(error.name);
}

/**
 * Asks what became of a step until it is known, a bounded number of times.
 *
 * @param before is called before each try, and ends them by throwing
 * @param unclear is told of each try that gave nothing, and why
 */
export async function findOut<T>(
  clock: Clock,
  reconcile: Reconcile<T>,
  query: Omit<StepQuery, 'attempt'>,
  before: () => void,
  unclear: (attempt: number, why: string) => void,
): Promise<StepFinding<T>> {
  for (let attempt = 1; ; attempt++) {
    before();
    try {
      const finding = await reconcile({ ...query, attempt });
      if ('done' in finding || 'notDone' in finding) return finding;
      unclear(attempt, 'it does not know');
    } catch (error) {
      unclear(attempt, errorMessage(error));
    }
    if (attempt === RECONCILE_TRIES_MAX) return { unknown: true };
    await delay(clock, RECONCILE_PAUSE_MS * 2 ** (attempt - 1), query.signal);
  }
}
