import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfigInput } from 'troupe';
import { ClusterFolder } from '../../src/node/index.ts';
import { eventually, Sandbox } from './harness.ts';
import { Network } from './netns.ts';
import { CLI } from './processes.ts';

/** What a voter has told its log of elections. */
export interface RaftStatus {
  readonly node: string;
  readonly role: string;
  readonly term: number;
}

/** Voters on hosts of a network of their own, started as `troupe node` by nobody who would start them again. */
export class NetworkCluster implements AsyncDisposable {
  readonly network: Network;
  readonly nodes: readonly string[];
  readonly #box = new Sandbox();
  readonly #config: string;
  readonly #processes: Map<string, ChildProcess> = new Map();

  private constructor(nodes: readonly string[], config: Partial<ClusterConfigInput>) {
    this.nodes = nodes;
    this.network = new Network([...nodes, 'client']);
    this.#config = join(this.#box.folder, 'cluster.config.mjs');
    const written = {
      name: 'partitioned',
      dataDir: this.#box.folder,
      nodes: nodes.map((id) => {
        const address = `${this.network.address(id)}:0`;
        return { id, voter: true, insecure: true, listen: { control: address, data: address, api: address } };
      }),
      ...config,
    };
    writeFileSync(this.#config, `export default ${JSON.stringify(written)};\n`);
  }

  /** @param running which of the nodes run; default all */
  static async start(
    nodes: readonly string[],
    config: Partial<ClusterConfigInput> = {},
    running: readonly string[] = nodes,
  ): Promise<NetworkCluster> {
    const cluster = new NetworkCluster(nodes, config);
    try {
      await Promise.all(running.map((id) => cluster.startNode(id)));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves when the node serves. */
  async startNode(id: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const args = ['node', '--config', this.#config, '--id', id, '--log-file', this.#folder.logFile(id)];
    const child = this.network.spawn(id, CLI, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    this.#processes.set(id, child);
    await eventually(`${id} serves`, () => {
      if (child.exitCode !== null) throw new Error(`${id} ended with ${child.exitCode}: ${said}`);
      return this.#folder.card(id)?.pid === child.pid ? true : undefined;
    });
  }

  process(id: string): ChildProcess {
    return this.#processes.get(id) as ChildProcess;
  }

  /** Where a node serves clients. */
  api(id: string): string {
    return this.#folder.card(id)?.addresses.api as string;
  }

  /** Every change of role or term, each node's in order. */
  elections(): RaftStatus[] {
    return this.nodes.flatMap((node) =>
      this.#log(node)
        .split('\n')
        .filter((line) => line.includes('"raft status"'))
        .map((line) => ({ ...(JSON.parse(line) as RaftStatus), node })),
    );
  }

  /** The newest term that any node has seen. */
  get term(): number {
    return Math.max(0, ...this.elections().map(({ term }) => term));
  }

  /** Nodes that were started. */
  get running(): string[] {
    return [...this.#processes.keys()];
  }

  /** Who won the newest election. */
  leader(): Promise<string> {
    return eventually('a leader', () => {
      const { term } = this;
      return this.elections().find((status) => status.term === term && status.role === 'leader')?.node;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const alive = [...this.#processes.values()].filter((child) => child.exitCode === null && child.signalCode === null);
    const gone = alive.map((child) => once(child, 'exit'));
    for (const child of alive) child.kill('SIGKILL');
    await Promise.all(gone);
    this.network[Symbol.dispose]();
    await this.#box[Symbol.asyncDispose]();
  }

  get #folder(): ClusterFolder {
    return new ClusterFolder(this.#box.folder);
  }

  #log(node: string): string {
    try {
      return readFileSync(this.#folder.logFile(node), 'utf8');
    } catch {
      // It hasn't been started.
      return '';
    }
  }
}
