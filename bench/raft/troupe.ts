import { readFileSync } from 'node:fs';
import { connectApi, type Cluster as Handle, startCluster } from 'troupe';
import { CoordinatorClient } from '../../src/coordinator/index.ts';
import { nullLogger, nullTracer, systemClock, systemRandom } from '../../src/core/index.ts';
import { ClusterFolder } from '../../src/node/index.ts';
import { openGrpcControl } from '../../src/remote/index.ts';
import { OURS } from '../report.ts';
import { atEnd, eventually } from '../resources.ts';
import type { ClientKind, Cluster, Timing, ValueClient } from './cluster.ts';
import { residentBytesOf } from './etcd.ts';

const START_MS = 30_000;
const NODES = ['node-1', 'node-2', 'node-3'];

/** Three voters of ours, as `startCluster` runs them. */
export class TroupeCluster implements Cluster {
  readonly name: string = OURS;
  readonly nodes: readonly string[] = NODES;
  readonly folder: string;
  readonly #folder: ClusterFolder;
  readonly #timing: Timing | undefined;
  readonly #env: Readonly<Record<string, string>>;
  #handle: Handle | undefined;
  #forget: () => void = () => undefined;

  constructor(folder: string, timing?: Timing, env: Readonly<Record<string, string>> = {}) {
    this.folder = folder;
    this.#folder = new ClusterFolder(folder);
    this.#timing = timing;
    this.#env = env;
  }

  async start(): Promise<void> {
    this.#forget = atEnd(() => {
      for (const { pid } of this.#folder.cards()) process.kill(pid, 'SIGKILL');
    });
    this.#handle = await startCluster(
      {
        name: 'bench',
        dataDir: this.#folder.path,
        nodes: NODES.map((id) => ({ id, voter: true })),
        ...(this.#timing && {
          timing: {
            raftTickMs: this.#timing.heartbeatMs,
            electionTicks: Math.round(this.#timing.electionMs / this.#timing.heartbeatMs),
          },
        }),
      },
      { env: this.#env },
    );
    await this.leader();
  }

  connect(_kind: ClientKind): ValueClient {
    const transport = openGrpcControl({
      self: 'bench',
      cluster: 'bench',
      clock: systemClock,
      random: systemRandom,
      logger: nullLogger,
      allowInsecureBeyondLoopback: false,
      resolve: async (peer) => this.#folder.controlAddress(peer),
    });
    const client = new CoordinatorClient({
      self: 'bench',
      voters: NODES,
      transport: {
        call: (to, kind, body, timeoutMs, traceparent) => transport.request(to, { kind, body, timeoutMs, traceparent }),
        watch: (to, signal) => transport.watch(to, signal),
      },
      clock: systemClock,
      random: systemRandom,
    });
    return {
      put: (key, value) => client.execute('kv.put', { key, value }),
      get: async (key) => (await client.query('kv.get', { key }))?.value,
      close: async () => {
        client.close();
        await transport.close();
      },
    };
  }

  async leader(): Promise<string> {
    return eventually(START_MS, 'the cluster has a leader', async () => (await this.#handle?.status())?.leader?.node);
  }

  signal(node: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#handle?.node(node).signal(signal);
  }

  async restore(node: string): Promise<void> {
    // `startCluster` starts what died again by itself.
    await eventually(START_MS, `${node} serves again`, async () => {
      const status = await this.#handle?.status();
      return status?.view.nodes.some((known) => known.node === node && known.state === 'up') ? true : undefined;
    });
  }

  async transfer(): Promise<void> {
    throw new Error('no transfer yet');
  }

  residentBytes(node: string): number {
    return residentBytesOf(this.#folder.card(node)?.pid ?? 0);
  }

  /** The newest log entry that a node has applied, as it says itself. */
  async appliedIndex(node: string): Promise<number> {
    const client = connectApi({
      addresses: () => this.#folder.cards().flatMap((card) => (card.node === node ? [card.addresses.api] : [])),
      clock: systemClock,
      logger: nullLogger,
      tracer: nullTracer,
    });
    try {
      return (await client.status({ stale: true })).view.index;
    } finally {
      await client.close();
    }
  }

  /** Snapshots that a node has installed since its disk was new, as its log tells. */
  snapshotsInstalled(node: string): number {
    return readFileSync(this.#folder.logFile(node), 'utf8').split('installed a snapshot').length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
    this.#forget();
  }
}
