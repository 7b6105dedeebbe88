import type { DrainAccount } from '../../src/coordinator/index.ts';
import type { NodeCluster, NodeProcess } from '../nodes.ts';
import { sleep } from '../resources.ts';

const TICK_MS = 1_000;

/** Spot workers as a trace has them: each tick as many run as it says. */
export class Capacity {
  /** What each drain with notice moved. */
  readonly accounts: DrainAccount[] = [];
  /** Seconds for which machines were had, all together. */
  workerSeconds = 0;
  /** Machines that were taken. */
  taken = 0;
  readonly #cluster: NodeCluster;
  readonly #workers: readonly string[];
  readonly #noticeMs: number;
  readonly #up: Map<string, NodeProcess>;
  readonly #busy: Map<string, Promise<void>> = new Map();

  /** @param noticeMs what a machine hears before it is gone; 0 for nothing */
  constructor(cluster: NodeCluster, workers: readonly string[], noticeMs: number) {
    this.#cluster = cluster;
    this.#workers = workers;
    this.#noticeMs = noticeMs;
    this.#up = new Map(cluster.processes.filter(({ id }) => workers.includes(id)).map((node) => [node.id, node]));
  }

  async replay(trace: readonly number[]): Promise<void> {
    const startedAt = performance.now();
    for (const [tick, count] of trace.entries()) {
      this.#follow(count);
      this.workerSeconds += count;
      await sleep(Math.max(0, startedAt + (tick + 1) * TICK_MS - performance.now()));
    }
  }

  /** Has all machines again, so that everything comes to its end. */
  async restore(): Promise<void> {
    await Promise.all(this.#busy.values());
    this.#follow(this.#workers.length);
    await Promise.all(this.#busy.values());
  }

  #follow(count: number): void {
    for (const id of this.#workers.slice(count)) this.#become(id, false);
    for (const id of this.#workers.slice(0, count)) this.#become(id, true);
  }

  /** One thing at a time with each machine; the next tick looks again. */
  #become(id: string, up: boolean): void {
    const node = this.#up.get(id);
    if (this.#busy.has(id) || (node !== undefined) === up) return;
    const work = node === undefined ? this.#start(id) : this.#take(node);
    this.#busy.set(
      id,
      work.finally(() => this.#busy.delete(id)),
    );
  }

  async #start(id: string): Promise<void> {
    await this.#cluster.restart(id);
    this.#up.set(id, this.#cluster.process(id));
  }

  async #take(node: NodeProcess): Promise<void> {
    const { life } = this.#cluster.here;
    this.#up.delete(node.id);
    this.taken++;
    if (this.#noticeMs > 0) {
      const gone = sleep(this.#noticeMs);
      const drained = life.drainOther(node.id, { reason: 'preempted', deadlineMs: this.#noticeMs });
      await Promise.race([gone, drained.then(() => node.child.gone).catch(() => undefined)]);
    }
    await node.child.kill();
    const account = life.map.node(node.id)?.account;
    if (this.#noticeMs > 0 && account !== undefined) this.accounts.push(account);
  }
}
