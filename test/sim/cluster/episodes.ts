import type { NodeId } from '../../../src/core/index.ts';
import type { Machine } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** What nodes say in their logs, as it is counted. */
const SAID: Readonly<Record<string, string>> = {
  drained: 'drains to the end',
  'drain taken back': 'drains taken back',
  'drain ran out of time': 'drains out of time',
  'shard not moved': 'moves that failed',
};

/** Counts what comes of faults. One that never meets what it is meant for proves nothing, whatever its name says. */
export class Episodes {
  readonly #shared: () => Surroundings;
  readonly #draining: Set<NodeId> = new Set();
  /** No worker is up, though there were some. */
  #dark = false;

  constructor(shared: () => Surroundings) {
    this.#shared = shared;
  }

  /** A node says something. */
  said(id: NodeId, message: string): void {
    const { tally } = this.#shared();
    const name = SAID[message];
    if (name !== undefined) tally.count(name);
    if (message === 'drained' || message === 'drain taken back') this.#draining.delete(id);
    if (message !== 'draining') return;
    tally.count('drains');
    if (this.#draining.size > 0) tally.count('drains beside another');
    this.#draining.add(id);
  }

  /** A machine's node is gone, whatever ended it. */
  gone({ id }: Machine): void {
    const { tally, machines, plan } = this.#shared();
    if (this.#draining.delete(id)) tally.count('drains cut short by death');
    for (const { state, node } of machines.values()) {
      if (state !== 'up' || node === undefined) continue;
      const { map, self } = node.life;
      const coming = map.shards().filter(({ owner, target }) => owner?.node === self.node && target?.node === id);
      if (coming.length > 0) tally.count('targets that died with shards on the way');
    }
    if (this.#dark || !plan.workers.includes(id) || this.#workersUp() > 0) return;
    this.#dark = true;
    tally.count('losses of all workers');
  }

  /** A machine's node is up. */
  came({ id }: Machine): void {
    const { tally, plan } = this.#shared();
    if (!this.#dark || !plan.workers.includes(id)) return;
    this.#dark = false;
    tally.count('returns of capacity');
  }

  #workersUp(): number {
    const { machines, plan } = this.#shared();
    return plan.workers.filter((id) => machines.get(id)?.state === 'up').length;
  }
}
