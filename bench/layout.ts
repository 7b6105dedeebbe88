import type { ClusterConfigInput } from 'troupe';

/** Three voters that do nothing else. */
export const VOTERS = ['voter-1', 'voter-2', 'voter-3'] as const;

/** The node of the benchmark's own process. */
export const DRIVER = 'driver';

/** Labels of nodes that host what is measured. */
const WORKER: Readonly<Record<string, string>> = { role: 'worker' };

/** Voters, workers and driver, each on a node of its own. @param labels of the workers */
export function layout(
  workers: readonly string[],
  labels: Readonly<Record<string, string>> = WORKER,
): ClusterConfigInput['nodes'] {
  return [
    ...VOTERS.map((id) => ({ id, voter: true })),
    ...workers.map((id) => ({ id, labels: { ...labels } })),
    { id: DRIVER },
  ];
}
