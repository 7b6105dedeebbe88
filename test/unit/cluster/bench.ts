import {
  type Cargo,
  ClusterMap,
  Handover,
  type LocalAgents,
  NodeActors,
  type PauseLimits,
  Peers,
  Router,
  type ShardTenant,
  sameNode,
} from '../../../src/cluster/index.ts';
import type { Coordinator, CoordinatorClient, GroupSpec, ShardRecord } from '../../../src/coordinator/index.ts';
import {
  type Logger,
  type NodeRef,
  nullLogger,
  nullTracer,
  SeededRandom,
  type ShardId,
  shardKey,
} from '../../../src/core/index.ts';
import { type Envelope, type Links, MemoryNetwork, openLinks } from '../../../src/remote/index.ts';
import { encodePayload } from '../../../src/wire/index.ts';
import { settleWithin, TestCluster } from '../coordinator/cluster.ts';

/** Keeps what was delivered, and moves it on demand: what agents are to hand-over. */
export class FakeTenant implements ShardTenant, LocalAgents {
  readonly delivered: Envelope[] = [];
  readonly loaded: Cargo[] = [];
  readonly released: { readonly shard: string; readonly stepsUntilMs: number }[] = [];
  /** What was copied ahead, and where to. */
  readonly prepared: string[] = [];
  /** Shards that were paused, and resumed, in order. */
  readonly paused: string[] = [];
  readonly resumed: string[] = [];
  /** Agents that a shard is said to have. */
  readonly agents: Map<string, Cargo['agents']> = new Map();
  adopted: (shard: ShardRecord) => void = () => undefined;
  /** How long its longest turn is said to run, ms. */
  turn = 0;
  /** What a pause waits for. */
  turns: (limitMs: number) => Promise<void> = async () => undefined;
  onRelease: () => void = () => undefined;
  relays: () => number = () => 0;
  /** What a release waits for. */
  hold: Promise<void> = Promise.resolve();

  value(shard: ShardId): number {
    return this.agents.get(shardKey(shard))?.length ?? 0;
  }

  turnMs(): number {
    return this.turn;
  }

  async prepare(shard: ShardId, target: NodeRef): Promise<void> {
    this.prepared.push(`${shardKey(shard)} ${target.node}`);
  }

  /** Quiet once nothing runs that is said to, and that was for less than the limit. */
  async pause(shard: ShardId, { standMs }: PauseLimits): Promise<number | undefined> {
    this.paused.push(shardKey(shard));
    await this.turns(standMs);
    return this.turn === 0 ? 0 : undefined;
  }

  resume(shard: ShardId): void {
    this.resumed.push(shardKey(shard));
  }

  async release(shard: ShardId, stepsUntilMs: number): Promise<Cargo> {
    this.onRelease();
    this.released.push({ shard: shardKey(shard), stepsUntilMs });
    await this.hold;
    const agents = this.agents.get(shardKey(shard)) ?? [];
    this.agents.delete(shardKey(shard));
    return { residents: agents.length, agents, watches: [], subscriptions: [] };
  }

  load(shard: ShardId, cargo: Cargo): void {
    this.loaded.push(cargo);
    this.agents.set(shardKey(shard), cargo.agents);
  }

  deliver(_address: unknown, _shard: unknown, envelope: Envelope): void {
    this.delivered.push(envelope);
  }

  adopt(shard: ShardRecord): void {
    this.adopted(shard);
  }
}

/** One node of a bench: the cluster room for real, over links in memory. */
export interface BenchNode {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly links: Links;
  readonly peers: Peers;
  readonly router: Router;
  readonly actors: NodeActors;
  readonly coordinator: CoordinatorClient;
  stopWatch(): void;
}

/** A node whose shards are moved by hand-over. */
export interface MovingNode extends BenchNode {
  readonly tenant: FakeTenant;
  readonly handover: Handover;
}

/** The group that a bench's nodes host, unless told otherwise. */
export const GROUP: GroupSpec = { group: 'kind', shards: 4, placement: {} };

/** Nodes over one real ledger (its log in memory) and a network in memory, all on one clock that the test turns. */
export class Bench {
  readonly ledger: TestCluster;
  readonly network: MemoryNetwork;
  readonly nodes: BenchNode[] = [];

  private constructor(ledger: TestCluster) {
    this.ledger = ledger;
    this.network = new MemoryNetwork({ clock: ledger.clock, random: new SeededRandom(2) });
  }

  static async start(): Promise<Bench> {
    return new Bench(await TestCluster.start());
  }

  get clock(): TestCluster['clock'] {
    return this.ledger.clock;
  }

  /** Waits for a promise, letting time pass. */
  settle<T>(promise: Promise<T>): Promise<T> {
    return settleWithin(this.clock, promise);
  }

  /** Lets time pass until something holds, at most a minute. */
  async until(condition: () => boolean): Promise<void> {
    await this.clock.settle();
    for (let i = 0; i < 6_000 && !condition(); i++) await this.clock.advance(10);
    if (!condition()) await this.settle(new Promise(() => undefined));
  }

  /** A node joins: its links know of the others as its map does. */
  async join(name: string, groups: readonly GroupSpec[] = [GROUP]): Promise<BenchNode> {
    const coordinator = this.ledger.client(name);
    const transport = this.network.transport(name);
    let links: Links | undefined;
    const data = await transport.listen(`${name}:0`, (c) => (links === undefined ? c.close() : links.accept(c)));
    const { incarnation } = await this.settle(
      coordinator.execute('node.join', {
        node: name,
        bootId: `${name}-${this.nodes.length}`,
        addresses: { control: '', data, api: '' },
        labels: {},
        voter: false,
        groups,
      }),
    );
    const self: NodeRef = { node: name, incarnation };
    const { clock } = this;
    const random = new SeededRandom(this.nodes.length);
    const opened = openLinks({ self, clusterId: 'bench', transport, clock, random, logger: nullLogger });
    links = opened;
    const map = new ClusterMap();
    map.onChange(({ nodes }) => {
      for (const node of nodes) {
        if (node.node === name) continue;
        if (node.state === 'down' || node.state === 'left') opened.peerDown(node, node.state);
        else opened.peerUp(node, node.addresses.data);
      }
    });
    const peers = new Peers(opened, clock);
    const parts = { self, map, links: opened, peers, clock, logger: nullLogger };
    const actors = new NodeActors({ ...parts, random, tracer: nullTracer });
    const router = new Router({ ...parts, bury: (envelope, error) => actors.bury(envelope, error) });
    const stopWatch = coordinator.watch((delivery) => map.accept(delivery));
    const node: BenchNode = { self, map, links: opened, peers, router, actors, coordinator, stopWatch };
    this.nodes.push(node);
    await this.until(() => this.nodes.every((other) => other.map.isAlive(self)));
    return node;
  }

  /** A node whose agents are fakes. @param coordinator in place of its own, for moving shards */
  async joinMoving(
    name: string,
    options: { coordinator?: Coordinator; logger?: Logger } = {},
    groups: readonly GroupSpec[] = [GROUP],
  ): Promise<MovingNode> {
    return this.letMove(await this.join(name, groups), options);
  }

  /** Gives a node that has joined fake agents, which move. */
  letMove(node: BenchNode, options: { coordinator?: Coordinator; logger?: Logger } = {}): MovingNode {
    const tenant = new FakeTenant();
    node.router.attach(tenant);
    const handover = new Handover({
      self: node.self,
      map: node.map,
      router: node.router,
      peers: node.peers,
      coordinator: options.coordinator ?? node.coordinator,
      tenant,
      clock: this.clock,
      logger: options.logger ?? nullLogger,
      tracer: nullTracer,
    });
    tenant.adopted = (shard) => {
      const cargo = handover.unload(shard);
      if (cargo !== undefined) tenant.load(shard, cargo);
    };
    return { ...node, tenant, handover };
  }

  /** Gives shards to a node, or asks their owners to hand them over to it. Waits until all nodes know. */
  async place(shards: readonly number[], to: BenchNode, group = GROUP.group): Promise<void> {
    const { map, coordinator } = to;
    const moves = shards.map((shard) => ({
      group,
      shard,
      epoch: map.shard({ group, shard })?.epoch ?? 0,
      to: to.self,
    }));
    await this.settle(coordinator.execute('shards.place', { moves }));
    await this.settled();
  }

  /** Waits until all maps show what the ledger has. */
  async settled(): Promise<void> {
    const { coordinator } = this.nodes[0] as BenchNode;
    const { shards, nodes } = await this.settle(coordinator.query('cluster.view', {}));
    const knows = ({ map }: BenchNode): boolean =>
      shards.every((shard) => {
        const known = map.shard(shard);
        return known !== undefined && known.epoch >= shard.epoch && (known.epoch > shard.epoch || same(known, shard));
      }) && nodes.every((node) => map.node(node.node)?.state === node.state);
    await this.until(() => this.nodes.every(knows));
  }

  /** Declares a node dead, as the failure detector would. Its links are cut. */
  async kill(node: BenchNode): Promise<void> {
    node.stopWatch();
    for (const { self } of this.nodes) if (self !== node.self) this.network.cut(node.self.node, self.node);
    this.nodes.splice(
      this.nodes.findIndex(({ self }) => self === node.self),
      1,
    );
    const survivor = this.nodes[0] as BenchNode;
    await this.settle(survivor.coordinator.execute('node.down', { ...node.self, reason: 'killed' }));
    await this.settled();
  }

  close(): void {
    for (const node of this.nodes) node.stopWatch();
    this.ledger.close();
  }
}

function same(a: ShardRecord, b: ShardRecord): boolean {
  return sameNode(a.owner, b.owner) && sameNode(a.target, b.target);
}

/** A message for an agent. */
export function tell(key: string, value: unknown, kind = GROUP.group): Envelope {
  return { kind: 'tell', to: `agent:${kind}/${key}`, correlation: 0, method: 'm', payload: encodePayload(value) };
}
