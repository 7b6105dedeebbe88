import type { ActorSetup, AgentDefinition, AgentRef, AnyAgent, Host, Protocol } from '../agent/index.ts';
import { agentRef } from '../agent/index.ts';
import type { Actors } from '../cluster/index.ts';
import { type Clock, delay, type Logger, SeededRandom, systemClock, TroupeError } from '../core/index.ts';
import type { ClusterConfigInput, InProcessCluster } from '../node/index.ts';
import { ManualClock } from './clock.ts';
import { Probe, waitOn } from './probe.ts';

/** Virtual time that passes in each turn of the event loop, ms: what is under way has a chance to go on between two. */
const STEP_MS = 1;
/** Nodes of a cluster that vote. */
const VOTERS = 3;

/** How a test cluster is kept. */
export interface TestClusterOptions {
  readonly agents?: readonly AnyAgent[];
  /** Actors that every node starts for itself: what `defineActors` gave. */
  readonly setups?: readonly ActorSetup[];
  /** Of everything that is up to chance; default 1. */
  readonly seed?: number;
  /**
   * `flies` (default): time is virtual and passes as fast as the machine can, in leaps of 1 ms, so a test of minutes takes
   * seconds, and a busy machine changes nothing. `real`: for handlers that wait for the world outside.
   */
  readonly time?: 'flies' | 'real';
  readonly logger?: Logger;
  /** Labels of nodes, by id; the others have none. */
  readonly labels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What else the configuration says; nodes are `node-1` to `node-n`, the first three are voters. */
  readonly config?: Partial<Omit<ClusterConfigInput, 'nodes'>>;
}

/**
 * A cluster inside one process: real nodes, real protocols, logs and network in memory.
 *
 * @example
 * await using cluster = await TestCluster.start(3, { agents: [reviewer] });
 * const verdict = await cluster.agent(reviewer, 'left-pad').ask('review', pkg);
 * cluster.cut('node-1', 'node-2');
 */
export class TestCluster implements AsyncDisposable {
  /** `node-1` and so on. */
  readonly nodes: readonly string[];
  /** The cluster's time. */
  readonly clock: Clock;
  /** The cluster as a program has it: teams, values, status, its nodes. */
  readonly cluster: InProcessCluster;
  readonly #stopTime: () => Promise<void>;

  private constructor(
    nodes: readonly string[],
    clock: Clock,
    cluster: InProcessCluster,
    stopTime: () => Promise<void>,
  ) {
    this.nodes = nodes;
    this.clock = clock;
    this.cluster = cluster;
    this.#stopTime = stopTime;
  }

  /**
   * Starts a cluster of `size` nodes. It serves when this resolves.
   *
   * @param size whole, 1 or more
   * @throws TroupeError INVALID_ARGUMENT, INVALID_CONFIGURATION, NO_QUORUM
   */
  static async start(size: number, options: TestClusterOptions = {}): Promise<TestCluster> {
    if (!(Number.isInteger(size) && size >= 1))
      throw new TroupeError('INVALID_ARGUMENT', `a cluster has a whole number of nodes, not ${size}`);
    // Not before it is needed: whoever tests actors shouldn't load a whole node.
    const { startInProcess } = await import('../node/index.ts');
    const { agents = [], setups = [], seed = 1, time = 'flies', logger, labels = {}, config } = options;
    const nodes = Array.from({ length: size }, (_, i) => `node-${i + 1}`);
    const flying = time === 'flies' ? new ManualClock() : undefined;
    const clock = flying ?? systemClock;
    const stopTime = flying === undefined ? async () => undefined : letFly(flying);
    try {
      const cluster = await startInProcess(
        {
          name: 'test',
          ...config,
          // Two voters can do without neither: a pair has one.
          nodes: nodes.map((id, i) => ({ id, voter: i < (size < VOTERS ? 1 : VOTERS), labels: { ...labels[id] } })),
        },
        { agents, setups, clock, random: new SeededRandom(seed), ...(logger === undefined ? {} : { logger }) },
      );
      return new TestCluster(nodes, clock, cluster, stopTime);
    } catch (error) {
      await stopTime();
      throw error;
    }
  }

  /** An agent, asked from a node; the first one unless another is named. @throws TroupeError NOT_FOUND */
  agent<S, P extends Protocol>(definition: AgentDefinition<S, P>, key: string, from?: string): AgentRef<P> {
    return agentRef(this.host(from), definition, key);
  }

  /** What agents and teams stand on, of a node; the first one unless another is named. @throws TroupeError NOT_FOUND */
  host(node?: string): Host {
    return this.#member(node).host;
  }

  /** The actors of a node, as long as this life of it lasts; the first one unless another is named. @throws TroupeError NOT_FOUND */
  actors(node?: string): Actors {
    return this.#member(node).life.actors;
  }

  /** An actor of a node that the test holds in its hand. @throws TroupeError NOT_FOUND */
  probe<M>(node?: string): Probe<M> {
    return new Probe(this.actors(node), waitOn(this.clock));
  }

  /** Lets time pass, ms. */
  advance(ms: number): Promise<void> {
    return delay(this.clock, ms);
  }

  /** Lets a node leave as before a preemption: what it has is handed over. @throws TroupeError NOT_FOUND */
  async drain(node: string, deadlineMs = 15_000): Promise<void> {
    await this.#member(node).drain({ reason: 'test', deadlineMs });
  }

  /** Breaks the link between two nodes, or of one to all others, until `heal`. Who dials hears of it. */
  cut(a: string, b?: string): void {
    for (const other of b === undefined ? this.#others(a) : [b]) this.cluster.network.cut(a, other);
  }

  /** Lets everything vanish that one node sends to another (or to all), unnoticed, until `heal`. */
  hole(from: string, to?: string): void {
    for (const other of to === undefined ? this.#others(from) : [to]) this.cluster.network.hole(from, other);
  }

  /** Mends all links. */
  heal(): void {
    this.cluster.network.heal();
  }

  /** Stops all nodes. */
  async close(): Promise<void> {
    await this.cluster.close();
    await this.#stopTime();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #others(node: string): string[] {
    return this.nodes.filter((other) => other !== node);
  }

  #member(node = this.nodes[0] as string) {
    const member = this.cluster.members.get(node);
    if (member === undefined)
      throw new TroupeError('NOT_FOUND', `the cluster has no node "${node}"`, { address: node });
    return member;
  }
}

/** Turns a clock by itself, as fast as the event loop turns. @returns stops it */
function letFly(clock: ManualClock): () => Promise<void> {
  let flies = true;
  const flight = (async () => {
    while (flies) {
      await new Promise<void>((resolve) => systemClock.yieldThen(resolve));
      await clock.advance(STEP_MS);
    }
  })();
  return () => {
    flies = false;
    return flight;
  };
}
