import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, type ClusterConfigInput, startCluster } from 'troupe';
import type { StartOptions } from '../../src/node/index.ts';

/** Five nodes on this machine, three of which vote. */
export const FIVE: ClusterConfigInput['nodes'] = [
  { id: 'node-1', voter: true, labels: { capacity: 'on-demand' } },
  { id: 'node-2', voter: true, labels: { capacity: 'on-demand' } },
  { id: 'node-3', voter: true, labels: { capacity: 'on-demand' } },
  { id: 'spot-1', labels: { capacity: 'spot' } },
  { id: 'spot-2', labels: { capacity: 'spot' } },
];

/** Three voters: the fewest that outlive a leader. */
export const THREE: ClusterConfigInput['nodes'] = FIVE.slice(0, 3);

/** One voter and two that may be taken away: the fewest for moving agents. */
export const ONE_AND_SPOTS: ClusterConfigInput['nodes'] = FIVE.filter(
  ({ id }) => id === 'node-1' || id.startsWith('spot'),
);

/** A folder that is removed at the end, and the clusters started in it. */
export class Sandbox implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'troupe-test-'));
  readonly #clusters: Cluster[] = [];

  /** Starts a cluster of real processes; the same folder again is a restart from disk. */
  async start(
    nodes: ClusterConfigInput['nodes'] = FIVE,
    config: Partial<ClusterConfigInput> = {},
    options: StartOptions = {},
  ): Promise<Cluster> {
    const cluster = await startCluster(
      { name: 'test', dataDir: this.folder, nodes, ...config },
      { agents: [new URL('./agents.ts', import.meta.url)], ...options },
    );
    this.#clusters.push(cluster);
    return cluster;
  }

  /** What a node has logged. */
  log(node: string): string {
    return readFileSync(join(this.folder, 'logs', `${node}.log`), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cluster of this.#clusters) await cluster.close();
    if (!process.env.KEEP) rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Waits until `probe` gives something, looking every 20 ms.
 * @throws when it hasn't within `limitMs`
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  limitMs = 20_000,
): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > until) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Node that leads. */
export async function leaderOf(cluster: Cluster): Promise<string> {
  return eventually('a leader', async () => (await cluster.status()).leader?.node);
}

/** A key of the `account` kind whose agent lives on the node. */
export async function keyOn(
  cluster: Cluster,
  node: string,
  agent: typeof import('./agents.ts').account,
): Promise<string> {
  for (let i = 0; i < 500; i++) {
    const key = `on-${i}`;
    if ((await cluster.agent(agent, key).ask('where', null)) === node) return key;
  }
  throw new Error(`no key lives on ${node}`);
}
