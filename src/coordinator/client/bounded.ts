import { type Clock, isTroupeError, TroupeError } from '../../core/index.ts';

/**
 * Waits for `work`, but not past a time and not past a cancellation; then the work goes on unheard.
 *
 * @param timeoutMs how long to wait at most
 * @throws TroupeError TIMEOUT, CANCELLED, or the signal's reason when that is a TroupeError
 */
export function bounded<T>(work: Promise<T>, clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', cancel);
    };
    const cancel = (): void => {
      end();
      const { reason } = signal ?? {};
      reject(isTroupeError(reason) ? reason : new TroupeError('CANCELLED', 'the caller took the request back'));
    };
    const timer = clock.schedule(timeoutMs, () => {
      end();
      reject(new TroupeError('TIMEOUT', `no answer within ${Math.round(timeoutMs)} ms`));
    });
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    // Whatever becomes of it: work that is no longer waited for may fail unheard.
    work.then(
      (value) => {
        end();
        resolve(value);
      },
      (error) => {
        end();
        reject(error);
      },
    );
  });
}
