import { readFileSync } from 'node:fs';
import { connectApi, type Cluster as Handle, startCluster } from 'troupe';
import { nullLogger, nullTracer, systemClock } from '../../src/core/index.ts';
import { ClusterFolder } from '../../src/node/index.ts';
import { OURS } from '../report.ts';
import { atEnd, eventually } from '../resources.ts';
import type { ClientKind, Cluster, Timing, ValueClient } from './cluster.ts';
import { UnaryClient } from './unary-client.ts';

const START_MS = 30_000;
/** A node this close to the leader's index has caught up: entries on their way are no lag. */
const CLOSE_ENTRIES = 100;
const NODES = ['node-1', 'node-2', 'node-3'];

/** Three voters of ours, as `startCluster` runs them. */
export class TroupeCluster implements Cluster {
  readonly name: string = OURS;
  readonly nodes: readonly string[] = NODES;
  readonly folder: string;
  readonly #folder: ClusterFolder;
  readonly #timing: Timing | undefined;
  readonly #env: Readonly<Record<string, string>>;
  /** Processes that were killed, by node. */
  readonly #killed: Map<string, number> = new Map();
  /** Clients that only look at one node each; a new connection for each look would take processor time from what is measured. */
  readonly #lookers: Map<string, ReturnType<typeof connectApi>> = new Map();
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
            ...(this.#timing.downAfterMs !== undefined && { downAfterMs: this.#timing.downAfterMs }),
          },
        }),
      },
      { env: this.#env },
    );
    await this.leader();
  }

  connect(kind: ClientKind): ValueClient {
    if (kind === 'unary') return new UnaryClient(this.leader().then((node) => this.#folder.card(node)?.addresses.api));
    const { kv } = this.running;
    return {
      put: (key, value) => kv.put(key, value),
      get: async (key) => (await kv.get(key))?.value,
      // It belongs to the cluster's handle, which closes it.
      close: () => undefined,
    };
  }

  async leader(): Promise<string> {
    return eventually(START_MS, 'the cluster has a leader', async () => (await this.running.status()).leader?.node);
  }

  signal(node: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (signal === 'SIGKILL') this.#killed.set(node, this.pid(node));
    this.running.node(node).signal(signal);
  }

  async restore(node: string): Promise<void> {
    // `startCluster` starts what died again by itself. The ledger may not know yet that it was gone: its new process is what counts.
    await eventually(START_MS, `${node} serves again`, async () => {
      if (this.pid(node) === this.#killed.get(node)) return undefined;
      const [own, newest] = await Promise.all([node, await this.leader()].map((each) => this.appliedIndex(each)));
      return (own as number) >= (newest as number) - CLOSE_ENTRIES ? true : undefined;
    });
  }

  async transfer(): Promise<void> {
    const leader = await this.leader();
    await this.running.voters.lead(NODES[(NODES.indexOf(leader) + 1) % NODES.length] as string);
  }

  pid(node: string): number {
    return this.#folder.card(node)?.pid ?? 0;
  }

  /** The newest log entry that a node has applied, as it says itself. */
  async appliedIndex(node: string): Promise<number> {
    let client = this.#lookers.get(node);
    if (client === undefined) {
      client = connectApi({
        addresses: () => this.#folder.cards().flatMap((card) => (card.node === node ? [card.addresses.api] : [])),
        clock: systemClock,
        logger: nullLogger,
        tracer: nullTracer,
      });
      this.#lookers.set(node, client);
    }
    return (await client.status({ stale: true })).view.index;
  }

  /** Snapshots that a node has installed since its disk was new, as its log tells. */
  snapshotsInstalled(node: string): number {
    return readFileSync(this.#folder.logFile(node), 'utf8').split('installed a snapshot').length - 1;
  }

  /** The handle that a program of ours has. @throws Error before the start */
  get running(): Handle {
    if (this.#handle === undefined) throw new Error('the cluster has not started');
    return this.#handle;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#lookers.values()) await client.close();
    await this.#handle?.close();
    this.#forget();
  }
}
