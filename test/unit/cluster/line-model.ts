import { ClusterMap, Peers, Router } from '../../../src/cluster/index.ts';
import type { ShardRecord, WatchDelivery } from '../../../src/coordinator/index.ts';
import { type NodeRef, nodeRefKey, nullLogger, TroupeError } from '../../../src/core/index.ts';
import type { Envelope, Lane, Links } from '../../../src/remote/index.ts';
import { ManualClock } from '../../../src/testkit/clock.ts';

/** One numbered message of one sender. */
interface Note {
  readonly sender: string;
  readonly number: number;
}

/** One thing that happens, and the nodes it happens to. */
export type Act = readonly [
  action: 'send' | 'arrive' | 'see' | 'look up' | 'handle' | 'move' | 'die',
  node: number,
  other: number,
];

interface ModelNode {
  readonly ref: NodeRef;
  readonly map: ClusterMap;
  readonly router: Router;
  /** What the shard's one agent has in its mailbox here. */
  mailbox: Note[];
  /** Ledger entries seen. */
  seen: number;
  alive: boolean;
  receive: (from: NodeRef, lane: Lane, envelope: Envelope) => unknown;
  lost: ((peer: NodeRef) => void)[];
  sent: number;
}

interface Cargo {
  readonly to: string;
  readonly epoch: number;
  readonly mail: Note[];
}

const SHARD = { group: 'kind', shard: 0 };
const GROUP = { group: 'kind', shards: 1, placement: {} };
const FACTS = { addresses: { control: '', data: '', api: '' }, labels: {}, voter: true, groups: ['kind'] };
const RECEIVER = 'agent:kind/one';

/**
 * A few nodes with real routers and lines, one shard, links that keep order but take any time, and a ledger that each node
 * hears of when it likes. A schedule of numbers picks what happens next, so that a failing run shrinks and repeats.
 */
export class LineModel {
  readonly clock: ManualClock = new ManualClock();
  readonly nodes: ModelNode[];
  /** What the agent has handled, wherever it lived, in order. */
  readonly handled: Note[] = [];
  readonly #ledger: WatchDelivery[] = [];
  readonly #links: Map<string, { readonly from: ModelNode; readonly to: ModelNode; readonly mail: Envelope[] }> =
    new Map();
  #record: ShardRecord = { ...SHARD, epoch: 0 };
  #cargo: Cargo | undefined;
  /** The move under way: frozen, then shipped, then committed. */
  #move: { readonly from: ModelNode; readonly to: ModelNode; step: 'frozen' | 'shipped' } | undefined;
  #deaths = 0;
  /** Moves that were committed. */
  moves = 0;

  constructor(size: number) {
    this.nodes = Array.from({ length: size }, (_, i) => this.#makeNode(`n${i + 1}`));
    this.#commit({
      nodes: this.nodes.map(({ ref }) => ref),
      shards: [this.#own(this.nodes[0] as ModelNode)],
      group: true,
    });
    for (const node of this.nodes) this.#see(node);
  }

  /** Does one thing, if it can be done now. */
  async act([action, first, second]: Act): Promise<void> {
    const node = this.nodes[first % this.nodes.length] as ModelNode;
    const other = this.nodes[second % this.nodes.length] as ModelNode;
    // What a dead node had sent goes on arriving at those that don't know yet.
    if (action === 'arrive') this.#arrive(node, other);
    else if (!node.alive) return;
    else if (action === 'send') this.#send(node);
    else if (action === 'see') this.#see(node);
    else if (action === 'look up') this.#lookUp(node);
    else if (action === 'handle') this.#handle(node);
    else if (action === 'move') this.#advanceMove(other);
    else this.#die(node);
    await this.clock.settle();
  }

  /** Lets everything under way come to its end. */
  async finish(): Promise<void> {
    for (let round = 0; round < 300; round++) {
      while (this.#move !== undefined) this.#advanceMove(this.nodes[0] as ModelNode);
      for (const node of this.nodes) {
        this.#see(node);
        for (const other of this.nodes) this.#arrive(node, other);
        this.#handle(node);
      }
      await this.clock.settle();
    }
  }

  get deaths(): number {
    return this.#deaths;
  }

  /** How many messages each sender has sent. */
  sent(sender: string): number {
    return this.nodes.find(({ ref }) => ref.node === sender)?.sent ?? 0;
  }

  #send(node: ModelNode): void {
    const number = ++node.sent;
    const payload = new TextEncoder().encode(JSON.stringify({ sender: node.ref.node, number } satisfies Note));
    void node.router.send(
      { kind: 'kind', key: 'one' },
      {
        kind: 'tell',
        to: RECEIVER,
        correlation: 0,
        method: 'm',
        payload,
        requestId: `${node.ref.node}-${number}`,
        from: nodeRefKey(node.ref),
      },
    );
  }

  #arrive(from: ModelNode, to: ModelNode): void {
    const link = this.#links.get(`${from.ref.node}>${to.ref.node}`);
    const envelope = link?.mail.shift();
    if (envelope !== undefined && to.alive) to.receive(from.ref, 'user', envelope);
  }

  #see(node: ModelNode): void {
    if (!node.alive) return;
    const delivery = this.#ledger[node.seen];
    if (delivery === undefined) return;
    node.seen++;
    if (delivery.type === 'events') {
      for (const event of delivery.events) {
        if (event.type !== 'node' || event.node.state !== 'down' || event.node.node === node.ref.node) continue;
        this.#cutOff(node, this.#find(event.node));
      }
    }
    node.map.accept(delivery);
  }

  /** The node's watch broke: it gets a view as of now, and never hears what was between. */
  #lookUp(node: ModelNode): void {
    if (node.seen === this.#ledger.length) return;
    node.seen = this.#ledger.length;
    for (const dead of this.nodes) if (!dead.alive) this.#cutOff(node, dead);
    const nodes = this.nodes.map(({ ref, alive }) => ({
      ...ref,
      ...FACTS,
      state: alive ? ('up' as const) : ('down' as const),
    }));
    node.map.accept({ type: 'view', view: { index: node.seen, nodes, groups: [GROUP], shards: [this.#record] } });
  }

  #cutOff(node: ModelNode, dead: ModelNode): void {
    this.#links.delete(`${node.ref.node}>${dead.ref.node}`);
    this.#links.delete(`${dead.ref.node}>${node.ref.node}`);
    for (const listener of node.lost) listener(dead.ref);
  }

  #handle(node: ModelNode): void {
    if (node.alive) this.handled.push(...node.mailbox.splice(0));
  }

  /** A live move, one step at a time, as hand-over does it. */
  #advanceMove(target: ModelNode): void {
    const move = this.#move;
    if (move === undefined) {
      const owner = this.#record.owner;
      const from = owner === undefined ? undefined : this.#find(owner);
      if (from === undefined || !from.alive || !target.alive || from === target) return;
      const line = from.router.line(SHARD);
      // An owner hands over only what it knows to be its own, and while its line is open.
      if (line.record?.epoch !== this.#record.epoch || !line.open) return;
      line.freeze();
      this.#move = { from, to: target, step: 'frozen' };
    } else if (!move.from.alive || !move.to.alive) {
      this.#move = undefined;
      if (!move.from.alive) return;
      // Put back: nothing was committed.
      if (this.#cargo !== undefined && move.step === 'shipped') move.from.mailbox = this.#cargo.mail;
      move.from.router.line(SHARD).thaw();
    } else if (move.step === 'frozen') {
      this.#cargo = { to: move.to.ref.node, epoch: this.#record.epoch + 1, mail: move.from.mailbox.splice(0) };
      move.step = 'shipped';
    } else {
      this.#move = undefined;
      this.moves++;
      this.#commit({ shards: [this.#own(move.to)] });
    }
  }

  /** The node is lost, and the ledger says so; somebody else gets the shard. */
  #die(node: ModelNode): void {
    if (this.nodes.filter(({ alive }) => alive).length <= 2) return;
    node.alive = false;
    node.mailbox = [];
    this.#deaths++;
    const owned = this.#record.owner?.node === node.ref.node;
    if (owned) this.#record = { ...SHARD, epoch: this.#record.epoch };
    this.#commit({ down: node.ref, shards: owned ? [this.#record] : [] });
    const heir = this.nodes.find(({ alive }) => alive);
    if (owned && heir !== undefined) this.#commit({ shards: [this.#own(heir)] });
  }

  #own(node: ModelNode): ShardRecord {
    this.#record = { ...SHARD, epoch: this.#record.epoch + 1, owner: node.ref };
    return this.#record;
  }

  #commit(change: {
    readonly nodes?: readonly NodeRef[];
    readonly down?: NodeRef;
    readonly shards: readonly ShardRecord[];
    readonly group?: boolean;
  }): void {
    const index = this.#ledger.length + 1;
    const head = { index, term: 1, time: 0 };
    this.#ledger.push({
      type: 'events',
      index,
      events: [
        ...(change.group ? [{ ...head, type: 'group', group: GROUP } as const] : []),
        ...(change.nodes ?? []).map(
          (ref) => ({ ...head, type: 'node', node: { ...ref, ...FACTS, state: 'up' } }) as const,
        ),
        ...(change.down === undefined
          ? []
          : [{ ...head, type: 'node', node: { ...change.down, ...FACTS, state: 'down' } } as const]),
        ...(change.shards.length === 0 ? [] : [{ ...head, type: 'shards', shards: change.shards } as const]),
      ],
    });
  }

  #find(ref: NodeRef): ModelNode {
    const found = this.nodes.find((node) => node.ref.node === ref.node);
    if (found === undefined) throw new TroupeError('NOT_FOUND', ref.node);
    return found;
  }

  #makeNode(name: string): ModelNode {
    const ref: NodeRef = { node: name, incarnation: 1 };
    const map = new ClusterMap();
    const node: Omit<ModelNode, 'router'> & { router?: Router } = {
      ref,
      map,
      mailbox: [],
      seen: 0,
      alive: true,
      receive: () => undefined,
      lost: [],
      sent: 0,
    };
    const links = this.#linksOf(node);
    const peers = new Peers(links, this.clock);
    const router = new Router({
      self: ref,
      map,
      links,
      peers,
      clock: this.clock,
      logger: nullLogger,
      bury: () => undefined,
    });
    router.attach({
      deliver: (_address, _shard, envelope) => {
        node.mailbox.push(JSON.parse(new TextDecoder().decode(envelope.payload)) as Note);
      },
      adopt: (shard) => {
        // What the last owner didn't ship here is lost with it.
        const cargo = this.#cargo;
        node.mailbox = cargo?.to === name && cargo.epoch === shard.epoch ? cargo.mail : [];
      },
    });
    node.router = router;
    return node as ModelNode;
  }

  #linksOf(node: Omit<ModelNode, 'router'>): Links {
    return {
      self: node.ref,
      peerUp: () => undefined,
      peerDown: () => undefined,
      send: (peer, _lane, envelope) => {
        const to = this.#find(peer);
        if (!node.map.isAlive(peer)) throw new TroupeError('NODE_UNAVAILABLE', `${peer.node} is gone`);
        const key = `${node.ref.node}>${peer.node}`;
        const link = this.#links.get(key) ?? { from: this.#find(node.ref), to, mail: [] };
        this.#links.set(key, link);
        link.mail.push(envelope);
        return true;
      },
      writable: async () => undefined,
      onEnvelope: (receiver) => {
        node.receive = receiver;
      },
      onPeerLost: (listener) => {
        node.lost.push((peer) => listener({ peer, reason: 'gone', unacknowledged: [] }));
        return () => undefined;
      },
      accept: () => undefined,
      flush: async () => undefined,
      close: async () => undefined,
    };
  }
}
