import { asTroupeError, type Clock, TroupeError } from '../core/index.ts';
import type { ChatOptions } from './provider.ts';

/** Longest time a timer can be set for, ms. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Why a signal fired, as an error of ours: its own reason when that is one, else CANCELLED. */
export function abortError(signal: AbortSignal): TroupeError {
  return asTroupeError(signal.reason, 'CANCELLED');
}

/** Settles as `work` does, or fails at once when `signal` fires; work that doesn't listen is left to itself. */
export function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(abortError(signal));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/**
 * Runs `work` with a signal that fires when the caller's does or when the time is over.
 *
 * @throws TroupeError TIMEOUT; CANCELLED or the caller's reason; INVALID_ARGUMENT for a time no timer can hold
 */
export async function withDeadline<T>(
  clock: Clock,
  { signal, timeoutMs }: ChatOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!(timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new TroupeError('INVALID_ARGUMENT', `timeoutMs must be at most ${TIMEOUT_MS_MAX}, not ${timeoutMs}`);
  }
  if (signal?.aborted) throw abortError(signal);
  const late = (): TroupeError => new TroupeError('TIMEOUT', `no answer in ${timeoutMs} ms`);
  if (timeoutMs <= 0) throw late();
  const controller = new AbortController();
  const cancel = (): void => controller.abort(signal === undefined ? undefined : abortError(signal));
  const timer = clock.schedule(timeoutMs, () => controller.abort(late()));
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await untilAborted(controller.signal, work(controller.signal));
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', cancel);
  }
}
