import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConfigInput } from 'troupe';
import { ClusterFolder } from '../../src/node/index.ts';
import { eventually, Sandbox } from './harness.ts';
import { Network } from './netns.ts';
import { CLI } from './processes.ts';

/** For all nodes to find each other and serve, on a busy machine, ms. */
const START_MS = 60_000;

/** What a voter has told its log of elections. */
export interface RaftStatus {
  readonly node: string;
  readonly role: string;
  readonly term: number;
}

/** Voters on hosts of a network of their own, each started as `troupe node`. Nobody starts them again. */
export class NetworkCluster implements AsyncDisposable {
  readonly network: Network;
  readonly #nodes: readonly string[];
  readonly #box = new Sandbox();
  readonly #folder = new ClusterFolder(this.#box.folder);
  readonly #config: string;
  readonly #processes: Map<string, ChildProcess> = new Map();

  private constructor(nodes: readonly string[], config: Partial<ClusterConfigInput>, slow: boolean) {
    this.network = new Network([...nodes, 'client'], slow);
    this.#nodes = nodes;
    this.#config = join(this.#box.folder, 'cluster.config.mjs');
    const voters = nodes.map((id) => {
      const address = `${this.network.address(id)}:0`;
      return { id, voter: true, insecure: true, listen: { control: address, data: address, api: address } };
    });
    const written: ClusterConfigInput = { name: 'partitioned', dataDir: this.#box.folder, nodes: voters, ...config };
    writeFileSync(this.#config, `export default ${JSON.stringify(written)};\n`);
  }

  /** Resolves when all nodes serve. @param slow whether packets can be delayed */
  static async start(
    nodes: readonly string[],
    config: Partial<ClusterConfigInput> = {},
    slow = false,
  ): Promise<NetworkCluster> {
    const cluster = new NetworkCluster(nodes, config, slow);
    try {
      await Promise.all(nodes.map((id) => cluster.#start(id)));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Nodes whose process hasn't been killed. */
  get running(): string[] {
    return [...this.#processes.keys()];
  }

  /** Where a node serves clients. */
  api(id: string): string {
    return this.#folder.card(id)?.addresses.api as string;
  }

  /** The newest term that any node has seen. */
  get term(): number {
    return Math.max(0, ...this.#elections().map(({ term }) => term));
  }

  /** Who won the newest election. */
  leader(): Promise<string> {
    return eventually('a leader', () => {
      const { term } = this;
      return this.#elections().find((status) => status.term === term && status.role === 'leader')?.node;
    });
  }

  signal(id: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(id)?.kill(signal);
  }

  /** Kills a node for good; resolves when it is gone. */
  async kill(id: string): Promise<void> {
    const child = this.#processes.get(id) as ChildProcess;
    this.#processes.delete(id);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.running.map((id) => this.kill(id)));
    this.network[Symbol.dispose]();
    await this.#box[Symbol.asyncDispose]();
  }

  async #start(id: string): Promise<void> {
    const args = ['node', '--config', this.#config, '--id', id, '--log-file', this.#folder.logFile(id)];
    const child = this.network.spawn(id, CLI, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#processes.set(id, child);
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    const serves = (): true | undefined => {
      if (child.exitCode !== null) throw new Error(`${id} ended with ${child.exitCode}: ${said}`);
      return this.#folder.card(id)?.pid === child.pid ? true : undefined;
    };
    await eventually(`${id} serves`, serves, START_MS);
  }

  /** Every change of role or term, each node's in order. */
  #elections(): RaftStatus[] {
    return this.#nodes.flatMap((node) =>
      readFileSync(this.#folder.logFile(node), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"raft status"'))
        .map((line) => ({ ...(JSON.parse(line) as RaftStatus), node })),
    );
  }
}
