import type { Logger } from '../../core/index.ts';
import type { Notice, PreemptionSource } from './source.ts';

/**
 * SIGTERM as a final notice: what Kubernetes sends `terminationGracePeriodSeconds` before SIGKILL.
 *
 * @param graceMs time that the platform leaves, ms
 */
export function signalSource(graceMs: number): PreemptionSource {
  return {
    name: 'signal',
    start(listener: (notice: Notice) => void, _logger: Logger): () => void {
      const onSignal = (): void => listener({ id: 'SIGTERM', kind: 'final', reason: 'SIGTERM', leftMs: graceMs });
      process.on('SIGTERM', onSignal);
      return () => process.off('SIGTERM', onSignal);
    },
  };
}
