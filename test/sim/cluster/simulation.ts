import { nullLogger, shardKey } from '../../../src/core/index.ts';
import { checkConfig } from '../../../src/node/index.ts';
import { stream } from '../plan.ts';
import type { SimResult } from '../simulation.ts';
import { Tally } from '../tally.ts';
import { Trace } from '../trace.ts';
import { World } from '../world.ts';
import { agentsOf, KINDS, type Memory } from './agents.ts';
import { audit } from './audit.ts';
import { Client, type Operation } from './clients.ts';
import { Episodes } from './episodes.ts';
import { ClusterFaults } from './faults.ts';
import { Interests } from './interests.ts';
import { duties, Letters, underWay } from './letters.ts';
import { Machine } from './machine.ts';
import { StreamNetwork } from './network.ts';
import { clusterPlanOf } from './plan.ts';
import { Broken, type Surroundings } from './surroundings.ts';
import { Tool } from './tool.ts';
import { verdict } from './verdict.ts';
import { Watch } from './watch.ts';

/** Far more than any seed needs. */
const EVENTS_MAX = 2_000_000;
/** Virtual time within which a cluster without faults must be whole again, and have answered everything, ms. */
const MEND_MS = 90_000;
/** How often agents are asked for what they remember until nothing is under way any more, and the time between, ms. */
const TRIES_MAX = 60;
const TRY_MS = 500;
/** How often something awaited is looked at, ms. */
const LOOK_MS = 20;
/** Virtual time in which a new cluster forms, ms. */
const FORM_MS = 30_000;

/**
 * Runs a whole cluster, nodes with their agents, on several machines under the faults that the seed draws, lets it mend, and checks what it
 * promised.
 *
 * @param seed any whole number
 */
export async function runClusterSeed(seed: number): Promise<SimResult> {
  const { stackTraceLimit } = Error;
  // Refusals are everyday here, and their stacks cost more than the rest of them.
  Error.stackTraceLimit = 0;
  const run = new ClusterRun(seed);
  const unheard = (error: unknown): void => run.report(`nobody listens to ${error}`);
  process.on('unhandledRejection', unheard);
  try {
    return await run.run();
  } finally {
    process.off('unhandledRejection', unheard);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class ClusterRun {
  readonly #shared: Surroundings;
  readonly #clients: readonly Client[];
  readonly #faults: ClusterFaults;
  readonly #letters = new Letters((what) => this.report(what));
  readonly #interests: Interests;
  #reason: string | undefined;

  constructor(seed: number) {
    const plan = clusterPlanOf(seed);
    const world = new World(stream(seed, 'cluster world'));
    const tally = new Tally();
    const trace = new Trace();
    const shared = (): Surroundings => this.#shared;
    const tool = new Tool(shared, stream(seed, 'tool'));
    this.#interests = new Interests(shared, seed);
    const voters = plan.voters.map((id) => ({ id, voter: true, labels: { capacity: 'on-demand' }, preemption: [] }));
    const workers = plan.workers.map((id) => ({ id, labels: { capacity: 'spot' }, preemption: [] }));
    this.#shared = {
      seed,
      plan,
      config: checkConfig({ name: 'simulated', nodes: [...voters, ...workers], timing: plan.timing }, '/'),
      world,
      network: new StreamNetwork(world, stream(seed, 'streams'), plan.weather, tally, trace),
      trace,
      tally,
      tool,
      watch: new Watch(shared),
      episodes: new Episodes(shared),
      agents: agentsOf(plan, tool, this.#letters, this.#interests),
      machines: new Map(),
      addresses: new Map(),
      logger: nullLogger,
      report: (what) => this.report(what),
    };
    for (const id of [...plan.voters, ...plan.workers]) this.#shared.machines.set(id, new Machine(id, this.#shared));
    this.#clients = Array.from({ length: plan.clients }, (_, i) => new Client(i + 1, this.#shared));
    this.#faults = new ClusterFaults(this.#shared);
  }

  /** Something is wrong: the run ends. The first word counts. */
  report(what: string): void {
    this.#reason ??= what;
  }

  async run(): Promise<SimResult> {
    const { seed, plan, world, trace, tally, machines } = this.#shared;
    try {
      for (const machine of machines.values()) world.schedule(0, machine.actor, () => machine.start(), true);
      await this.#until(FORM_MS, () => this.#apart());
      for (const client of this.#clients) client.start();
      this.#interests.start();
      this.#faults.start();
      await this.#pass(plan.activeMs);
      this.#faults.stop();
      this.#interests.stop();
      for (const client of this.#clients) client.stop();
      await this.#until(MEND_MS, () => this.#apart() ?? this.#unanswered() ?? this.#undone());
      await this.#judge();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.report(error.message);
    }
    const reason = this.#reason;
    return {
      seed,
      ok: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      tail: reason === undefined ? [] : trace.tail,
      traceHash: trace.hash,
      simulatedMs: world.now,
      events: world.events,
      counts: tally.counts,
      operations: this.#clients.reduce((sum, { operations }) => sum + operations.length, 0),
    };
  }

  /** Lets time pass. */
  async #pass(forMs: number, done: () => boolean = () => false): Promise<void> {
    const { world } = this.#shared;
    await world.run(world.now + forMs, () => this.#reason !== undefined || world.events > EVENTS_MAX || done());
    if (world.events > EVENTS_MAX) throw new Broken(`more than ${EVENTS_MAX} events: something goes round and round`);
    if (this.#reason !== undefined) throw new Broken(this.#reason);
  }

  /** Lets time pass until nothing is missing. */
  async #until(limitMs: number, missing: () => string | undefined): Promise<void> {
    const { world } = this.#shared;
    let what: string | undefined = missing();
    let lookedAt = world.now;
    await this.#pass(limitMs, () => {
      if (what !== undefined && world.now - lookedAt < LOOK_MS) return false;
      lookedAt = world.now;
      what = missing();
      return what === undefined;
    });
    if (what !== undefined) throw new Broken(`after ${limitMs / 1_000} s without faults ${what}`);
  }

  /** What keeps the cluster from being whole: every node is up to stay and every shard owned, as every node knows. */
  #apart(): string | undefined {
    const { machines } = this.#shared;
    for (const { id, state, node } of machines.values()) {
      if (state !== 'up' || node === undefined) return `${id} is ${state}`;
    }
    for (const { id, node } of machines.values()) {
      const map = node?.life.map;
      if (map === undefined) return `${id} has no life`;
      const leaving = map.nodes().find(({ state }) => state === 'draining');
      if (leaving !== undefined) return `${leaving.node} drains, as ${id} knows`;
      for (const other of machines.values()) {
        const self = other.node?.life.self;
        if (self === undefined || !map.isAlive(self)) return `${id} doesn't know ${other.id}`;
      }
      for (const shard of map.shards()) {
        if (shard.owner === undefined || !map.isAlive(shard.owner)) return `${id} knows no owner of ${shardKey(shard)}`;
      }
    }
    return undefined;
  }

  #unanswered(): string | undefined {
    for (const { actor, open } of this.#clients)
      if (open > 0) return `${open} operations of ${actor.name} are not answered`;
    return undefined;
  }

  get #operations(): readonly Operation[] {
    return this.#clients.flatMap(({ operations }) => operations);
  }

  /** What is to happen by itself: nobody is asked about it, as that would wake who sleeps. */
  #undone(): string | undefined {
    for (const duty of duties(this.#operations)) if (!this.#letters.handled.has(duty)) return `${duty} is not done`;
    return this.#interests.missing();
  }

  async #memories(): Promise<ReadonlyMap<string, Memory>> {
    const { machines, plan } = this.#shared;
    const memories = new Map<string, Memory>();
    const host = machines.get(plan.voters[0] as string)?.node?.host;
    const wanted = KINDS.flatMap((kind) => Array.from({ length: plan.keys }, (_, i) => ({ kind, key: `k${i}` })));
    for (const address of wanted) {
      host?.ask(address, 'read', undefined).then(
        (memory) => memories.set(`${address.kind}/${address.key}`, memory as Memory),
        (error: unknown) => this.report(`${address.kind}/${address.key} doesn't answer: ${error}`),
      );
    }
    await this.#until(MEND_MS, () => (memories.size < wanted.length ? 'agents do not answer' : undefined));
    return memories;
  }

  async #judge(): Promise<void> {
    const { machines, plan, tool, tally, watch } = this.#shared;
    const operations = this.#operations;
    let memories = await this.#memories();
    // What was handled needn't be committed yet.
    const unkept = () => underWay(operations, memories) ?? this.#interests.forgotten(memories);
    for (let tries = 0; unkept() !== undefined && tries < TRIES_MAX; tries++) {
      await this.#pass(TRY_MS);
      memories = await this.#memories();
    }
    verdict(operations, memories, tool, plan.gentle);
    const forgotten = this.#interests.forgotten(memories);
    if (forgotten !== undefined) throw new Broken(forgotten);
    for (const { got, rings, ended } of memories.values()) {
      tally.count('durable messages', got.length);
      tally.count('rings of timers', rings.length);
      tally.count('ends of watched actors', ended.length);
    }
    await this.#until(MEND_MS, () => this.#apart());
    const logs = plan.voters.flatMap((id) => machines.get(id)?.store.log ?? []);
    const last = Math.max(...logs.map((log) => log.lastIndex()));
    await this.#until(MEND_MS, () => (logs.some((log) => log.lastIndex() < last) ? 'voters lag behind' : undefined));
    const appends = audit(logs, watch.acknowledged, plan.gentle);
    if (appends === undefined) tally.count('logs too short to audit');
    else tally.count('journal appends', appends);
  }
}
