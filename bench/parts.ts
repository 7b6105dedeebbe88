import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfigInput } from 'troupe';
import { NodeCluster } from './nodes.ts';
import { within } from './resources.ts';
import type { BenchOptions } from './suite.ts';

/** A suite whose parts each run on a new cluster of nodes. */
export interface NodeParts {
  /** Of all nodes. */
  readonly config: Omit<ClusterConfigInput, 'dataDir'>;
  /** Which of them is in this process. */
  readonly here: string;
  /** Entry of the node processes, when it isn't `node-process.ts`. */
  readonly entry?: URL;
  /** Longest time for one part, ms. */
  readonly limitMs: number;
  /** What each part does, by name and in their order; `folder` holds the cluster's data and log files. */
  readonly parts: Readonly<Record<string, (cluster: NodeCluster, folder: string) => Promise<void>>>;
}

/** Runs the parts that the command line asks for, as often as it asks for. */
export async function runParts(
  options: BenchOptions,
  { config, here, entry, limitMs, parts }: NodeParts,
): Promise<void> {
  const { only, rounds, progress, profile } = options;
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    for (const [part, work] of Object.entries(parts)) {
      if (only.size > 0 && !only.has(part)) continue;
      progress(part);
      const folder = join(options.folder, `${part}-${round}`);
      mkdirSync(folder);
      await using cluster = await NodeCluster.start(config, here, folder, flags, entry);
      await within(limitMs, `${part} of ${config.name}`, work(cluster, folder));
    }
  }
}
