import {
  type ActorScope,
  type ActorSetup,
  AgentRuntime,
  type AnyAgent,
  Asks,
  agentRef,
  type Host,
  nodeHost,
  type ResidencyLimits,
} from '../agent/index.ts';
import {
  type Cargo,
  ClusterMap,
  CopyAhead,
  Drain,
  type DrainOptions,
  Handover,
  NodeActors,
  Peers,
  Router,
  type ShardTenant,
} from '../cluster/index.ts';
import type { Coordinator, DrainAccount, NodeRecord } from '../coordinator/index.ts';
import {
  type Clock,
  type Logger,
  type NodeRef,
  type Random,
  type ShardId,
  settlesWithin,
  type Tracer,
  TroupeError,
} from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import { type Links, openLinks, type Transport } from '../remote/index.ts';
import { JobRunner, jobGroup } from '../team/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';

/** Jobs move before agents: whoever runs them keeps everyone else busy. Nothing stands still meanwhile. */
const JOB_VALUE = Number.POSITIVE_INFINITY;

/** What one life of a node is made of. */
export interface LifeParts {
  readonly self: NodeRef;
  readonly cluster: string;
  readonly agents: readonly AnyAgent[];
  readonly threadsMax?: number | undefined;
  readonly residency?: ResidencyLimits;
  readonly transport: Transport;
  readonly coordinator: Coordinator;
  readonly journals: JournalStore;
  readonly transferLeadership: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** Another node was asked to drain this one. */
  readonly onDrain: (options: DrainOptions) => Promise<void>;
}

/** Time past its deadline that a drained node may take to be seen leaving, ms. */
const LEAVING_GRACE_MS = 5_000;

/**
 * One life (incarnation) of a node: everything that is void when the cluster gives the node up. The node then begins another
 * one; nothing of the old survives but the ports.
 */
export class Life {
  readonly self: NodeRef;
  readonly map: ClusterMap = new ClusterMap();
  readonly links: Links;
  readonly host: Host;
  /** Actors of this life that aren't agents, and the way to those of other nodes. */
  readonly actors: NodeActors;
  /** Resolves with the node's record when the ledger says that this life is over, and it wasn't this node's wish. */
  readonly fenced: Promise<NodeRecord>;
  readonly #parts: LifeParts;
  readonly #asks: Asks;
  readonly #peers: Peers;
  readonly #runtime: AgentRuntime;
  readonly #handover: Handover;
  readonly #copyAhead: CopyAhead;
  readonly #jobs: JobRunner;
  readonly #stopWatch: () => void;
  readonly #emptied: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #fenced: PromiseWithResolvers<NodeRecord> = Promise.withResolvers();
  #drain: Drain | undefined;
  #leaving = false;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.self = parts.self;
    const { self, map } = this;
    const { coordinator, clock, random, logger, tracer } = parts;
    this.links = openLinks({ self, clusterId: parts.cluster, transport: parts.transport, clock, random, logger });
    this.fenced = this.#fenced.promise;
    // Links hear of nodes before anyone sends to them.
    map.onChange(({ nodes }) => {
      for (const node of nodes) this.#nodeChanged(node);
    });
    this.#peers = new Peers(this.links, clock);
    const peers = this.#peers;
    peers.serve('drain', async (_method, payload) => {
      void parts.onDrain(decodePayload(payload) as DrainOptions);
      return encodePayload(undefined);
    });
    this.actors = new NodeActors({ self, map, links: this.links, peers, clock, random, logger, tracer });
    const bury: NodeActors['bury'] = (envelope, error) => this.actors.bury(envelope, error);
    const router = new Router({ self, map, links: this.links, peers, clock, logger, bury });
    this.#asks = new Asks({ self, map, router, peers, actors: this.actors, clock, random, tracer });
    this.host = nodeHost(this.#asks, coordinator, random);
    const { host } = this;
    const unload = (shard: Parameters<Handover['unload']>[0]): Cargo | undefined => this.#handover.unload(shard);
    this.#runtime = new AgentRuntime(
      {
        self,
        agents: parts.agents,
        ...(parts.threadsMax === undefined ? {} : { threadsMax: parts.threadsMax }),
        ...(parts.residency && { residency: parts.residency }),
        map,
        router,
        peers,
        actors: this.actors,
        coordinator,
        store: parts.journals,
        host,
        clock,
        random,
        logger,
        tracer,
      },
      unload,
    );
    router.attach(this.#runtime);
    this.#jobs = new JobRunner({ self, map, coordinator, host, clock, logger });
    const tenant = this.#tenant();
    this.#copyAhead = new CopyAhead({ self, map, tenant, clock, logger });
    this.#handover = new Handover({
      self,
      map,
      router,
      peers,
      coordinator,
      tenant,
      clock,
      logger,
      tracer,
    });
    this.#stopWatch = coordinator.watch((delivery) => map.accept(delivery));
  }

  /** Agents in memory. */
  get residents(): number {
    return this.#runtime.residents;
  }

  /** What it has to do: messages to agents that wait or run, and how long the oldest that waits has done so, ms. */
  get backlog(): { readonly open: number; readonly waitMs: number } {
    return this.#runtime.backlog;
  }

  /** Resolves when this life can serve: the ledger's view with it has arrived. */
  ready(): Promise<void> {
    if (this.map.isAlive(this.self)) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.map.onChange(() => {
        if (!this.map.isAlive(this.self)) return;
        stop();
        resolve();
      });
    });
  }

  /** Starts the node's own actors. @throws whatever a setup throws */
  async setUp(setups: readonly ActorSetup[]): Promise<void> {
    const { actors, host } = this;
    const { system } = actors;
    const letters: Pick<ActorScope, 'deadLetters' | 'replay'> = {
      deadLetters: system.deadLetters,
      replay: (choose, to) => system.replay(choose, to),
    };
    for (const { start } of setups) {
      await start({
        actors,
        host,
        agent: (kind, key) => agentRef(host, kind, key),
        log: this.#parts.logger,
        ...letters,
      });
    }
  }

  /**
   * Leaves on purpose, inside a deadline; see `Drain`.
   *
   * @param onStay called when the drain was taken back, and this life goes on
   * @returns what was moved; undefined when it stays
   */
  async drain(options: DrainOptions, onStay: () => void): Promise<DrainAccount | undefined> {
    this.#leaving = true;
    const { coordinator, transferLeadership, clock, logger, tracer } = this.#parts;
    const { self, map, links, actors } = this;
    const handover = this.#handover;
    const stays = (): void => {
      this.#drain = undefined;
      this.#leaving = false;
      onStay();
      // Its end may have been overheard while it wanted to end itself.
      const record = map.node(self.node);
      if (record !== undefined) this.#ownChanged(record);
    };
    const parts = { self, map, links, actors, handover, coordinator, transferLeadership, clock, logger, tracer };
    this.#drain = new Drain({ ...parts, onStay: stays }, options);
    try {
      return await this.#drain.account;
    } finally {
      if (this.#leaving) this.#emptied.resolve();
    }
  }

  /** A drain that runs is wanted by then. */
  hurry(options: DrainOptions): void {
    this.#drain?.hurry(options);
  }

  /** A drain that runs isn't wanted any more. */
  takeBack(): void {
    this.#drain?.takeBack();
  }

  /** Resolves when a drain has done what it could. */
  get emptied(): Promise<void> {
    return this.#emptied.promise;
  }

  /**
   * Asks another node to drain; resolves when it has left.
   * @throws TroupeError NOT_FOUND, TIMEOUT
   */
  async drainOther(id: string, options: DrainOptions): Promise<void> {
    const node = this.map.node(id);
    if (node === undefined) throw new TroupeError('NOT_FOUND', `there is no node "${id}"`, { address: id });
    if (!this.map.isAlive(node)) return;
    const limitMs = options.deadlineMs + LEAVING_GRACE_MS;
    await this.#peers.request(node, 'system', 'drain', 'drain', encodePayload(options), limitMs);
    const left = new Promise<void>((resolve) => {
      const stop = this.map.onChange(() => {
        if (this.map.isAlive(node)) return;
        stop();
        resolve();
      });
      if (!this.map.isAlive(node)) resolve();
    });
    if (!(await settlesWithin(this.#parts.clock, limitMs, left))) {
      throw new TroupeError('TIMEOUT', `node "${id}" has not left ${limitMs} ms after it was told to`, { address: id });
    }
  }

  /** Ends everything. @param timeoutMs for what is still to be sent */
  async close(timeoutMs: number): Promise<void> {
    this.#leaving = true;
    this.#stopWatch();
    this.#handover.close();
    this.#copyAhead.close();
    this.#jobs.close();
    await Promise.all([this.#runtime.close(timeoutMs), this.actors.stop(timeoutMs)]);
    await this.links.flush(timeoutMs);
    this.#asks.close();
    this.actors.close();
    this.#peers.close();
    await this.links.close();
  }

  #nodeChanged(node: NodeRecord): void {
    if (node.node === this.self.node) this.#ownChanged(node);
    else if (isOver(node)) this.links.peerDown(node, node.reason ?? `the node is ${node.state}`);
    else this.links.peerUp(node, node.addresses.data);
  }

  #ownChanged(node: NodeRecord): void {
    const { incarnation } = this.self;
    const over = node.incarnation > incarnation || (isOver(node) && node.incarnation === incarnation);
    if (over && !this.#leaving) this.#fenced.resolve(node);
  }

  /** Shards hold agents or jobs. */
  #tenant(): ShardTenant {
    const isJobs = (shard: ShardId): boolean => shard.group === jobGroup.group;
    return {
      relays: () => this.#runtime.relays(),
      value: (shard) => (isJobs(shard) ? JOB_VALUE : this.#runtime.value(shard)),
      turnMs: (shard) => (isJobs(shard) ? 0 : this.#runtime.turnMs(shard)),
      prepare: async (shard, target) => {
        if (!isJobs(shard)) await this.#runtime.prepare(shard, target);
      },
      pause: async (shard, limits) => (isJobs(shard) ? 0 : this.#runtime.pause(shard, limits)),
      resume: (shard) => {
        if (!isJobs(shard)) this.#runtime.resume(shard);
      },
      release: async (shard, stepsUntilMs, target) => {
        if (!isJobs(shard)) return this.#runtime.release(shard, stepsUntilMs, target);
        this.#jobs.release(shard.shard);
        return { residents: 0, agents: [], watches: [], subscriptions: [] };
      },
      load: (shard, cargo) => {
        if (isJobs(shard)) this.#jobs.resume(shard.shard);
        else this.#runtime.load(shard, cargo);
      },
    };
  }
}

function isOver({ state }: NodeRecord): boolean {
  return state === 'down' || state === 'left';
}
