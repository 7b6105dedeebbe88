/**
 * Clients of a cluster's values, each at work on its own, and what they saw: a process of its own, for the host of a
 * network. Started by `Workload`; its argument is an `Order`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Input, Operation, Output } from '../sim/linearizability.ts';
import { type KvClient, libraryKv, plainKv, refusalOf } from './kv-clients.ts';

/** One client. */
export interface ClientOrder {
  /** The API address that a plain client speaks to; undefined is a client of this library, which knows all. */
  readonly address?: string;
  /** It only reads: then it never waits for a write whose fate is open, and asks again and again. */
  readonly reads: boolean;
}

/** What the process is started with. */
export interface Order {
  /** Their place is their number in the history. */
  readonly clients: readonly ClientOrder[];
  /** API addresses of the nodes. */
  readonly addresses: readonly string[];
  /** An operation that isn't answered within this is given up, ms; those of clients that only read after a fifth of it. */
  readonly patienceMs: number;
}

/** Keys that all read and write. A run has keys of its own, so that each is empty when its history begins. */
const KEYS = ['a', 'b', 'c', 'd', 'e'].map((key) => `${process.pid}/${key}`);
/** When the network is whole again everything is read once more, each within this, ms. */
const FINAL_PATIENCE_MS = 20_000;
const FINAL_READERS = 16;
/** From one operation of a client to its next, ms: finding an order of them takes longer than the run otherwise. */
const PAUSE_MS = 5;

/** One clock for all processes of this machine. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const order = JSON.parse(process.argv[2] as string) as Order;
const history: Operation[] = [];

/** One client, and which versions the keys had when it last heard of them. */
class Worker {
  readonly #number: number;
  readonly #client: KvClient;
  readonly #reads: boolean;
  readonly #versions: Map<string, number> = new Map();
  readonly #served = Promise.withResolvers<void>();
  /** Resolves with its first answer. */
  readonly served: Promise<void> = this.#served.promise;

  constructor(number: number, client: KvClient, reads: boolean) {
    this.#number = number;
    this.#client = client;
    this.#reads = reads;
  }

  /** Works until it is told to stop: puts, puts that expect what it knows, reads, and writes of keys that only it has. */
  async run(stopped: () => boolean): Promise<void> {
    for (let i = 0; !stopped(); i++) {
      const key = KEYS[(i + this.#number) % KEYS.length] as string;
      const value = `${this.#number}.${i}`;
      if (this.#reads) await this.get(key, order.patienceMs / 5);
      else if (i % 4 === 0) await this.#put(key, value);
      else if (i % 4 === 1) await this.#put(key, value, this.#versions.get(key));
      else if (i % 4 === 2) await this.#put(`${process.pid}/${value}`, value);
      else await this.get(key, order.patienceMs);
      await sleep(PAUSE_MS);
    }
    this.#client.close();
  }

  /** @returns whether there was an answer */
  async get(key: string, timeoutMs: number): Promise<boolean> {
    return this.#record(key, { kind: 'get' }, async () => ({
      kind: 'read',
      ...(await this.#client.get(key, timeoutMs)),
    }));
  }

  #put(key: string, value: string, expect?: number): Promise<boolean> {
    return this.#record(key, { kind: 'put', value, ...(expect === undefined ? {} : { expect }) }, async () => ({
      kind: 'written',
      version: await this.#client.put(key, value, expect, order.patienceMs),
    }));
  }

  async #record(key: string, input: Input, attempt: () => Promise<Output & { version: number }>): Promise<boolean> {
    const operation = { client: this.#number, key, input, call: now() };
    const answered = (output: Output & { version: number }): true => {
      history.push({ ...operation, return: now(), output });
      this.#versions.set(key, output.version);
      this.#served.resolve();
      return true;
    };
    try {
      return answered(await attempt());
    } catch (error) {
      const refusal = await refusalOf(error);
      if (refusal?.code === 'CONFLICT') return answered({ kind: 'refused', version: refusal.version });
      // NO_QUORUM says that it wasn't done and won't be; of anything else only reads are sure to have done nothing.
      const harmless = refusal?.code === 'NO_QUORUM' || input.kind === 'get';
      if (!harmless) history.push({ ...operation, return: Number.POSITIVE_INFINITY });
      return false;
    }
  }
}

let stopped = false;
process.once('message', () => {
  stopped = true;
});
process.once('disconnect', () => process.exit(1));
const workers = order.clients.map(({ address, reads }, number) => {
  const client = address === undefined ? libraryKv(order.addresses) : plainKv(address);
  return new Worker(number, client, reads);
});
const done = Promise.all(workers.map((worker) => worker.run(() => stopped)));
await Promise.all(workers.map(({ served }) => served));
process.send?.('started');
await done;

// What was acknowledged is there: each key that anybody wrote is read once more.
const last = libraryKv(order.addresses);
const reader = new Worker(workers.length, last, true);
const written = new Set(history.map(({ key }) => key)).values();
await Promise.all(
  Array.from({ length: FINAL_READERS }, async () => {
    for (const key of written) {
      if (!(await reader.get(key, FINAL_PATIENCE_MS))) throw new Error(`${key} can't be read in the end`);
    }
  }),
);
last.close();
process.removeAllListeners('disconnect');
process.send?.(history, () => process.disconnect());
