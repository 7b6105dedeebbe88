import type { PreemptionSource } from './source.ts';

/**
 * SIGTERM as a final notice: what Kubernetes sends `terminationGracePeriodSeconds` before SIGKILL.
 *
 * @param graceMs time that the platform leaves, ms
 */
export function signalSource(graceMs: number): PreemptionSource {
  return {
    name: 'signal',
    start(listener) {
      const onSignal = (): void =>
        listener.standing([{ id: 'SIGTERM', kind: 'final', reason: 'SIGTERM', leftMs: graceMs }]);
      process.on('SIGTERM', onSignal);
      return { stop: () => void process.off('SIGTERM', onSignal), drained: async () => undefined };
    },
  };
}
