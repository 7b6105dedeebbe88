import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkLinearizable, describeViolation, type Operation } from '../sim/linearizability.ts';
import type { Order } from './kv-history.ts';
import type { NetworkCluster } from './netns-cluster.ts';

const SCRIPT = fileURLToPath(new URL('./kv-history.ts', import.meta.url));
/** For each node: two that work, and one that only reads. For all: two of this library. */
const CLIENTS = [{ reads: false }, { reads: false }, { reads: true }] as const;
const LIBRARY_CLIENTS = CLIENTS.slice(0, 2);

/** Stands among the nodes for the clients of this library, which go to whichever node serves. */
export const LIBRARY = 'library';

/** A moment on the clock of all processes of this machine, ms. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Clients at work in a process on the host `client`: plain ones, each of which speaks to one node, and this library's. */
export class Workload {
  readonly #nodes: readonly string[];
  readonly #child: ChildProcess;
  readonly #failed: Promise<never>;

  private constructor(nodes: readonly string[], child: ChildProcess) {
    this.#nodes = nodes;
    this.#child = child;
    this.#failed = once(child, 'exit').then(([code]) => {
      throw new Error(`the clients ended with ${code}`);
    });
    this.#failed.catch(() => undefined);
  }

  /**
   * Resolves when every client has had an answer.
   * @param nodes that they speak to
   * @param patienceMs after which they give an operation up
   */
  static async start(cluster: NetworkCluster, nodes: readonly string[], patienceMs: number): Promise<Workload> {
    const clients = [
      ...nodes.flatMap((node) => CLIENTS.map((client) => ({ ...client, address: cluster.api(node) }))),
      ...LIBRARY_CLIENTS,
    ];
    const order: Order = { clients, addresses: nodes.map((node) => cluster.api(node)), patienceMs };
    const child = cluster.network.spawn('client', SCRIPT, [JSON.stringify(order)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const workload = new Workload(nodes, child);
    await Promise.race([once(child, 'message'), workload.#failed]);
    return workload;
  }

  /** Ends the work, reads every key once more, and tells all that was done. */
  async stop(): Promise<History> {
    this.#child.send('stop');
    const [operations] = await Promise.race([once(this.#child, 'message'), this.#failed]);
    return new History(operations as Operation[], this.#nodes);
  }
}

/** What clients did and saw. Where a node is named, the plain clients are meant that speak to that node only. */
export class History {
  readonly operations: readonly Operation[];
  readonly #nodes: readonly string[];

  constructor(operations: readonly Operation[], nodes: readonly string[]) {
    this.operations = operations;
    this.#nodes = nodes;
  }

  /** Operations that began and were answered in the span. */
  answered(node: string, from: number, to: number): Operation[] {
    return this.operations.filter(
      ({ client, call, return: end }) =>
        (this.#nodes[Math.floor(client / CLIENTS.length)] ?? LIBRARY) === node && call >= from && end <= to,
    );
  }

  /** The longest time in the span without an answer, ms. */
  silence(node: string, from: number, to: number): number {
    const ends = this.answered(node, from, to).map((operation) => operation.return);
    const moments = [from, ...ends.sort((a, b) => a - b), to];
    return Math.max(...moments.slice(1).map((moment, i) => moment - (moments[i] as number)));
  }

  /** @throws Error with the part that no order explains, and where the whole history is */
  check(): void {
    const verdict = checkLinearizable(this.operations);
    if (verdict.ok === true) return;
    const file = join(tmpdir(), `troupe-history-${process.pid}.json`);
    writeFileSync(file, JSON.stringify(this.operations));
    const why =
      verdict.ok === false ? describeViolation(verdict) : `no order was found for ${verdict.key} within the limit`;
    throw new Error(`${why}\nthe whole history: ${file}`);
  }
}
