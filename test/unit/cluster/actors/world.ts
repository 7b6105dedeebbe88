import type { KernelLimits } from '../../../../src/actor/index.ts';
import { ClusterMap, NodeActors, Peers } from '../../../../src/cluster/index.ts';
import type { NodeRecord } from '../../../../src/coordinator/index.ts';
import { type NodeRef, nullLogger, nullTracer, SeededRandom } from '../../../../src/core/index.ts';
import { type LinkLimits, type Links, MemoryNetwork, openLinks, type Transport } from '../../../../src/remote/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** A node whose actors are real, over real links in memory. */
export interface ActorNode {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly links: Links;
  readonly actors: NodeActors;
}

interface Member extends ActorNode {
  /** Index of the last event that its view has. */
  seen: number;
  lagging: boolean;
  closed: boolean;
  readonly transport: Transport;
}

/** How a node may differ. */
export interface ActorNodeOptions {
  readonly limits?: Partial<KernelLimits>;
  readonly linkLimits?: Partial<LinkLimits>;
}

/** Nodes with actors, in virtual time. The ledger is a list of events, which each node's view takes at once or when it is let. */
export class World {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly #events: NodeRecord[] = [];
  readonly #members: Member[] = [];

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random });
  }

  /** A node joins; the same name again is its next life. */
  async join(name: string, options: ActorNodeOptions = {}): Promise<ActorNode> {
    const { clock, random } = this;
    const self: NodeRef = { node: name, incarnation: this.#events.length + 1 };
    const transport = this.network.transport(name);
    let links: Links | undefined;
    const data = await transport.listen(`${name}:0`, (c) => (links === undefined ? c.close() : links.accept(c)));
    links = openLinks({
      self,
      clusterId: 'world',
      transport,
      clock,
      random,
      logger: nullLogger,
      ...(options.linkLimits === undefined ? {} : { limits: options.linkLimits }),
    });
    const map = new ClusterMap();
    const opened = links;
    map.onChange(({ nodes }) => {
      for (const node of nodes) {
        if (node.node === name) continue;
        if (node.state === 'down' || node.state === 'left') opened.peerDown(node, node.reason ?? node.state);
        else opened.peerUp(node, node.addresses.data);
      }
    });
    const peers = new Peers(opened, clock);
    const parts = { self, map, links: opened, peers, clock, random, logger: nullLogger, tracer: nullTracer };
    const actors = new NodeActors({ ...parts, ...(options.limits === undefined ? {} : { limits: options.limits }) });
    const node: Member = { self, map, links: opened, actors, transport, seen: 0, lagging: false, closed: false };
    this.#members.push(node);
    const addresses = { control: '', data, api: '' };
    this.#commit({ ...self, state: 'up', addresses, labels: {}, voter: false, groups: [] });
    return node;
  }

  /** From now on a node's view stands still, until `catchUp`. */
  lag(node: ActorNode): void {
    (node as Member).lagging = true;
  }

  catchUp(node: ActorNode): void {
    (node as Member).lagging = false;
    this.#deliver(node as Member);
  }

  /** The process of a node is gone, and the ledger says so. */
  async kill(node: ActorNode, reason = 'killed'): Promise<void> {
    this.vanish(node);
    this.declareDown(node, reason);
    await this.clock.settle();
  }

  /** Nothing goes from a node or to it any more. */
  vanish(node: ActorNode): void {
    (node as Member).closed = true;
    void node.links.close();
    void (node as Member).transport.close();
  }

  /** The ledger gives a life up, dead or not. */
  declareDown({ self }: ActorNode, reason: string): void {
    const record = this.#events.findLast(({ node }) => node === self.node) as NodeRecord;
    this.#commit({ ...record, ...self, state: 'down', reason });
  }

  /** Waits for a promise, letting time pass. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let open = true;
    const done = promise.finally(() => {
      open = false;
    });
    done.catch(() => undefined);
    for (let i = 0; i < 10_000 && open; i++) {
      await this.clock.settle();
      if (open) await this.clock.advance(10);
    }
    return done;
  }

  async close(): Promise<void> {
    for (const { actors, links } of this.#members) {
      const stopped = actors.stop(0);
      await this.clock.advance(0);
      await stopped;
      actors.close();
      await links.close();
    }
  }

  #commit(record: NodeRecord): void {
    this.#events.push(record);
    for (const member of this.#members) if (!member.lagging && !member.closed) this.#deliver(member);
  }

  #deliver(member: Member): void {
    while (member.seen < this.#events.length) {
      const node = this.#events[member.seen++] as NodeRecord;
      const index = member.seen;
      member.map.accept({ type: 'events', index, events: [{ type: 'node', node, index, term: 1, time: 0 }] });
    }
  }
}
