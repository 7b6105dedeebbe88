import type { NodeId, Random } from '../../../../src/core/index.ts';
import { invariant, SeededRandom } from '../../../../src/core/index.ts';
import type {
  AppendWork,
  ApplyWork,
  Configuration,
  Entry,
  Message,
  RaftOptions,
  ReadState,
  SnapshotMeta,
} from '../../../../src/raft/consensus/index.ts';
import { RaftNode } from '../../../../src/raft/consensus/index.ts';
import { MemoryLog } from './memory-log.ts';

/** One member with its storage. Work waits in queues until the test lets it be done. */
export class Peer {
  readonly id: NodeId;
  readonly log: MemoryLog;
  readonly reads: ReadState[] = [];
  readonly appends: AppendWork[] = [];
  readonly applies: ApplyWork[] = [];
  /** Everything applied, as the state machine keeps it: survives a crash. */
  applied: Entry[] = [];
  appliedIndex = 0;
  /** While set, appends stay in the queue. */
  slowDisk = false;
  down = false;
  node: RaftNode;
  readonly #options: Omit<RaftOptions, 'hardState' | 'applied'>;

  constructor(options: Omit<RaftOptions, 'hardState' | 'applied' | 'log'>, log: MemoryLog) {
    this.id = options.id;
    this.log = log;
    this.#options = { ...options, log };
    this.node = this.#start();
  }

  /** Loses everything that wasn't durable, and starts again. */
  restart(): void {
    this.appends.length = 0;
    this.applies.length = 0;
    this.reads.length = 0;
    this.down = false;
    this.node = this.#start();
  }

  #start(): RaftNode {
    const configuration = this.log.snapshot()?.configuration ?? this.#options.configuration;
    return new RaftNode({
      ...this.#options,
      configuration,
      hardState: this.log.hardState,
      applied: Math.max(this.appliedIndex, this.log.firstIndex() - 1),
    });
  }

  get status() {
    return this.node.status();
  }
}

export interface NetworkOptions extends Partial<RaftOptions> {
  readonly seed?: number;
  readonly configuration?: Configuration;
  readonly logs?: Readonly<Record<NodeId, MemoryLog>>;
  /** What single members believe the configuration to be, where it differs. */
  readonly believes?: Readonly<Record<NodeId, Configuration>>;
}

/** A group of members in one process: messages wait in a queue until they are delivered, lost, repeated or swapped. */
export class Network {
  readonly random: Random;
  readonly peers: Map<NodeId, Peer> = new Map();
  /** Messages on their way. */
  wire: Message[] = [];
  /** Messages for which this says true are lost. */
  lose: (message: Message) => boolean = () => false;
  /** Where a test looks on: after each event of a member, at each message sent, entry written and entry applied. */
  afterEvent: (peer: Peer) => void = () => {};
  onPost: (message: Message) => void = () => {};
  onWrite: (peer: Peer, entries: readonly Entry[]) => void = () => {};
  onApply: (peer: Peer, entry: Entry) => void = () => {};

  constructor(ids: readonly NodeId[], options: NetworkOptions = {}) {
    const { seed = 1, logs = {}, believes = {}, configuration = { voters: ids }, ...rest } = options;
    this.random = new SeededRandom(seed);
    for (const id of ids) {
      const log = logs[id] ?? new MemoryLog();
      const random = new SeededRandom(this.random.int(0, 2 ** 32));
      this.peers.set(id, new Peer({ random, ...rest, configuration: believes[id] ?? configuration, id }, log));
    }
  }

  at(id: NodeId): Peer {
    const peer = this.peers.get(id);
    invariant(peer !== undefined, `no peer ${id}`);
    return peer;
  }

  /** Takes what a member has ready: messages onto the wire, work into its queues. */
  collect(peer: Peer): void {
    if (peer.down) return;
    peer.node.announce();
    while (peer.node.hasReady()) {
      const ready = peer.node.ready();
      for (const message of ready.messages) this.#post(message);
      peer.reads.push(...ready.reads);
      if (ready.append !== undefined) peer.appends.push(ready.append);
      if (ready.apply !== undefined) peer.applies.push(ready.apply);
    }
    this.afterEvent(peer);
  }

  /** Does the first AppendWork of a member, replies and all. */
  write(peer: Peer): void {
    const work = peer.appends.shift();
    if (work === undefined) return;
    peer.log.write(work);
    this.onWrite(peer, work.entries);
    if (work.snapshot !== undefined) {
      peer.appliedIndex = work.snapshot.index;
      peer.applied = [...(this.images.get(imageKey(work.snapshot)) ?? [])];
    }
    this.reply(peer, work);
  }

  /** Sends an AppendWork's replies; the test may do this late or in another order than the writes. */
  reply(peer: Peer, work: AppendWork): void {
    for (const message of work.replies) {
      if (message.to === peer.id) peer.node.step(message);
      else this.#post(message);
    }
    this.collect(peer);
  }

  /** Does the first ApplyWork of a member. */
  apply(peer: Peer): void {
    const work = peer.applies.shift();
    if (work === undefined) return;
    for (const entry of work.entries) {
      // An install may have overtaken this work; what the image holds isn't applied again.
      if (entry.index <= peer.appliedIndex) continue;
      invariant(entry.index === peer.appliedIndex + 1, `${peer.id} skipped ${peer.appliedIndex + 1}`);
      this.onApply(peer, entry);
      peer.applied.push(entry);
      peer.appliedIndex = entry.index;
    }
    peer.node.step(work.reply);
    this.collect(peer);
  }

  /** Delivers one message from the wire, by position. */
  deliver(position = 0): void {
    const [message] = this.wire.splice(position, 1);
    if (message === undefined) return;
    const peer = this.at(message.to);
    if (peer.down || this.lose(message)) return;
    peer.node.step(message);
    this.collect(peer);
  }

  /** Runs everything that can run until nothing is left: writes, applies, deliveries. No time passes. */
  settle(): void {
    for (let steps = 0; steps < 100_000; steps++) {
      for (const peer of this.peers.values()) this.collect(peer);
      const busy = [...this.peers.values()].find((p) => !p.down && ((!p.slowDisk && p.appends[0]) || p.applies[0]));
      if (busy?.applies[0] !== undefined) this.apply(busy);
      else if (busy !== undefined) this.write(busy);
      else if (this.wire.length > 0) this.deliver();
      else return;
    }
    invariant(false, 'the network does not settle');
  }

  /** Lets `ticks` pass on these members (all that run, when none are named), settling after each. */
  tick(ticks: number, ...ids: readonly NodeId[]): void {
    for (let i = 0; i < ticks; i++) {
      for (const peer of this.peers.values()) {
        if (!peer.down && (ids.length === 0 || ids.includes(peer.id))) peer.node.tick();
      }
      this.settle();
    }
  }

  /** Makes `id` stand, and settles. */
  elect(id: NodeId): Peer {
    this.at(id).node.campaign();
    this.settle();
    const peer = this.at(id);
    invariant(peer.status.role === 'leader', `${id} did not win`);
    return peer;
  }

  /** Proposes on a member, without settling. */
  propose(id: NodeId, ...texts: readonly string[]) {
    const proposed = this.at(id).node.propose(texts.map((text) => new TextEncoder().encode(text)));
    this.collect(this.at(id));
    return proposed;
  }

  /** Cuts the group into sides that don't hear each other; no sides heals it. */
  partition(...sides: readonly (readonly NodeId[])[]): void {
    const side = (id: NodeId): number => sides.findIndex((ids) => ids.includes(id));
    this.lose = sides.length === 0 ? () => false : ({ from, to }) => side(from) !== side(to);
  }

  /** Stores a snapshot on a member as of what it has applied, and compacts its log. */
  compact(id: NodeId, keep = 0): SnapshotMeta {
    const peer = this.at(id);
    const index = peer.appliedIndex;
    const meta = { index, term: peer.log.term(index)!, configuration: peer.status.configuration };
    this.images.set(imageKey(meta), [...peer.applied]);
    peer.log.compact(meta, keep);
    return meta;
  }

  /** The state machine's images, by snapshot. */
  readonly images: Map<string, readonly Entry[]> = new Map();

  #post(message: Message): void {
    this.onPost(message);
    if (!this.lose(message)) this.wire.push(message);
  }
}

function imageKey(meta: SnapshotMeta): string {
  return `${meta.term}:${meta.index}`;
}

/** Texts of the entries that a member has applied, no-ops left out. */
export function texts(peer: Peer): string[] {
  return peer.applied.filter((entry) => entry.data.length > 0).map((entry) => new TextDecoder().decode(entry.data));
}

/** Takes the messages of one type off the wire and gives them back, to be delivered later or again. */
export function take(network: Network, type: Message['type'], to?: NodeId): Message[] {
  const wanted = (message: Message): boolean => message.type === type && (to === undefined || message.to === to);
  const taken = network.wire.filter(wanted);
  network.wire = network.wire.filter((message) => !wanted(message));
  return taken;
}
