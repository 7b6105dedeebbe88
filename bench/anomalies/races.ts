/**
 * The four anomalies, each as a race that real processes run. In each, what is seen from outside (answers, what other agents have, what a
 * tool has written down) is held against what the agents' journals come to afterwards.
 *
 * - **Stale generation**: an older incarnation of an agent commits after a newer one has. Its process is stopped (SIGSTOP) in a turn; the
 *   agent's next home runs that turn and another; then the old process goes on and ends its turn. It happened when the agent's
 *   history afterwards isn't the one that the newer incarnation has answered.
 * - **Phantom effect**: what a turn has done is seen and isn't so. The process is killed (SIGKILL) when its agents have answered. It
 *   happened when what was answered isn't in the agent's history afterwards.
 * - **Causal cascade**: others act on a message of a turn that is lost. The turn makes an order up, in a step, and sends it to a receiver,
 *   which keeps it; then its process is killed. The turn runs again elsewhere and ends. It happened when the receiver has acted on an
 *   order that the sender's history doesn't have.
 * - **Effect reordering**: of two effects of one agent the earlier one takes effect after the later one. The process is killed when both
 *   have happened and the turn hasn't ended; the turn runs again elsewhere. It happened when the tool's record has the first behind the
 *   second.
 */
import { agentRef } from '../../src/agent/index.ts';
import { BEHIND_MS } from '../../src/testkit/index.ts';
import type { Point } from '../crash/points.ts';
import type { Tool } from '../crash/tool.ts';
import type { NodeCluster } from '../nodes.ts';
import { eventually, sleep } from '../resources.ts';
import { Gate } from './gate.ts';
import { type Mode, racerWith, racerWithout, receiver } from './racer.ts';

const ASK_MS = 60_000;
const UP_MS = 30_000;
/** From when stopped processes go on until all that they still do has been done, ms. */
const STALE_MS = BEHIND_MS + 1_500;

/** Names of the anomalies, as the figures have them. */
export type Anomaly = 'staleGeneration' | 'phantomEffect' | 'causalCascade' | 'effectReordering';

/** What races need of their surroundings. */
export interface Track {
  readonly cluster: NodeCluster;
  readonly tool: Tool;
  /** Where agents say how far they are. */
  readonly points: string;
}

/** The races of one mode, a batch of agents at a time on a worker that is then stopped or killed. */
export class Races {
  readonly #track: Track;
  readonly #kind: string;
  readonly #workers: readonly string[];
  #batches = 0;
  #gate: Gate | undefined;

  /** @param workers of that mode; no others run races on them */
  constructor(track: Track, mode: Mode, workers: readonly string[]) {
    this.#track = track;
    this.#kind = (mode === 'with' ? racerWith : racerWithout).kind;
    this.#workers = workers;
  }

  /** An agent has reached a point. @returns when it may go on */
  reached(point: Point): true | Promise<void> {
    return this.#gate?.reached(point) ?? true;
  }

  /** Runs a batch of races of one kind. @returns in how many the anomaly happened */
  async run(anomaly: Anomaly, races: number): Promise<number> {
    const victim = await this.#victim();
    const keys = this.#keysOn(victim, races);
    const gate = new Gate(victim, races);
    this.#gate = gate;
    const happened = await this.#script(anomaly)(victim, keys, gate);
    return keys.filter((_, at) => happened(at)).length;
  }

  #script(anomaly: Anomaly): (victim: string, keys: readonly string[], gate: Gate) => Promise<(at: number) => boolean> {
    if (anomaly === 'phantomEffect') return this.#phantom;
    if (anomaly === 'causalCascade') return this.#cascade;
    return anomaly === 'effectReordering' ? this.#reordering : this.#stale;
  }

  readonly #phantom = async (victim: string, keys: readonly string[]) => {
    const seen = await this.#ask(keys, 'bump');
    await this.#track.cluster.restart(victim);
    const kept = await this.#ask(keys, 'read');
    return (at: number) => !same(seen[at], kept[at]);
  };

  readonly #cascade = async (victim: string, keys: readonly string[], gate: Gate) => {
    const { points, cluster } = this.#track;
    const histories = await this.#killed(victim, gate, this.#ask(keys, 'order', { points }));
    const acted = await Promise.all(
      keys.map((key) => agentRef(cluster.here.host, receiver, key).ask('read', undefined)),
    );
    return (at: number) => !same(histories[at], acted[at]);
  };

  readonly #reordering = async (victim: string, keys: readonly string[], gate: Gate) => {
    const { points, tool } = this.#track;
    await this.#killed(victim, gate, this.#ask(keys, 'pair', { points, tool: tool.url }));
    const { record } = tool;
    return (at: number) => record.lastIndexOf(`${keys[at]}/first`) > record.indexOf(`${keys[at]}/second`);
  };

  readonly #stale = async (victim: string, keys: readonly string[], gate: Gate) => {
    const { cluster, points } = this.#track;
    const turns = this.#ask(keys, 'write', { points });
    await gate.full;
    const stale = cluster.process(victim).child.process;
    stale.kill('SIGSTOP');
    gate.open();
    await turns;
    const seen = await this.#ask(keys, 'write', { points });
    gate.release();
    stale.kill('SIGCONT');
    await sleep(STALE_MS);
    // The newer incarnations go, so that what counts is what was kept.
    await Promise.all(this.#workers.filter((id) => id !== victim).map((id) => cluster.restart(id)));
    const kept = await this.#ask(keys, 'read');
    return (at: number) => !same(seen[at], kept[at]);
  };

  /** Kills the worker when all are where they are to be; their turns end elsewhere. */
  async #killed<T>(victim: string, gate: Gate, turns: Promise<T>): Promise<T> {
    await gate.full;
    gate.open();
    await this.#track.cluster.restart(victim);
    return turns;
  }

  #ask(keys: readonly string[], method: string, input?: unknown): Promise<unknown[]> {
    const { host } = this.#track.cluster.here;
    const kind = this.#kind;
    return Promise.all(keys.map((key) => host.ask({ kind, key }, method, input, { timeoutMs: ASK_MS })));
  }

  /** The worker with the most shards, once all are up. */
  async #victim(): Promise<string> {
    const { map } = this.#track.cluster.here.life;
    return eventually(UP_MS, `shards of ${this.#kind} are placed on workers that are up`, () => {
      const shards = map.shards().filter(({ group }) => group === this.#kind);
      const still = shards.every(({ owner, target }) => owner !== undefined && target === undefined);
      if (!still || shards.length === 0 || this.#workers.some((id) => map.node(id)?.state !== 'up')) return undefined;
      const homes = Map.groupBy(shards, ({ owner }) => owner?.node);
      return [...homes].reduce((most, each) => (each[1].length > most[1].length ? each : most))[0];
    });
  }

  /** Fresh agents that live on a worker. */
  #keysOn(worker: string, races: number): string[] {
    const { map } = this.#track.cluster.here.life;
    const batch = this.#batches++;
    const keys: string[] = [];
    for (let at = 0; keys.length < races; at++) {
      const key = `${this.#kind}-${batch}-${at}`;
      const shard = map.shardOf(this.#kind, key);
      if (shard !== undefined && map.shard(shard)?.owner?.node === worker) keys.push(key);
    }
    return keys;
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
