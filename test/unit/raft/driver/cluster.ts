import { type NodeId, SeededRandom } from '../../../../src/core/index.ts';
import type { Entry, Message, SnapshotMeta } from '../../../../src/raft/consensus/index.ts';
import {
  fromWire,
  openRaftMember,
  type RaftMember,
  type RaftMemberOptions,
  type StateMachine,
  toWire,
} from '../../../../src/raft/driver/index.ts';
import { MemoryDisk, openDiskLog } from '../../../../src/raft/log/index.ts';
import { ManualClock } from '../../../../src/testkit/clock.ts';

/** Keeps every command it applied; replies with how many there were. */
export class ListMachine implements StateMachine {
  appliedIndex = 0;
  commands: string[] = [];
  restores = 0;

  apply(entries: readonly Entry[]): readonly unknown[] {
    return entries.map((entry) => {
      if (entry.index !== this.appliedIndex + 1)
        throw new RangeError(`applied ${entry.index} after ${this.appliedIndex}`);
      this.appliedIndex = entry.index;
      if (entry.data.byteLength > 0) this.commands.push(Buffer.from(entry.data).toString());
      return this.commands.length;
    });
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify(this.commands))];
  }

  async restore(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.commands = JSON.parse(Buffer.concat(parts).toString());
    this.appliedIndex = meta.index;
    this.restores++;
  }
}

/** One member with its disk; the state machine is rebuilt from the log at each start. */
export interface Seat {
  disk: MemoryDisk;
  machine: ListMachine;
  member: RaftMember | undefined;
}

/** Members over an in-memory network that runs the wire codec, in virtual time: a message takes 1 ms. */
export class Cluster {
  readonly clock = new ManualClock();
  readonly seats: Map<NodeId, Seat> = new Map();
  /** Members that nobody hears and that hear nobody. */
  readonly cut: Set<NodeId> = new Set();
  /** Links on which these messages are lost. */
  lose: (message: Message) => boolean = () => false;
  fetches = 0;
  /** How long each chunk of a snapshot takes on its way, ms. */
  fetchMs = 0;
  readonly #options: Partial<RaftMemberOptions>;
  readonly #random: SeededRandom;

  private constructor(options: Partial<RaftMemberOptions>, seed: number) {
    this.#options = options;
    this.#random = new SeededRandom(seed);
  }

  static async start(size: number, options: Partial<RaftMemberOptions> = {}, seed = 1): Promise<Cluster> {
    const cluster = new Cluster(options, seed);
    for (let i = 1; i <= size; i++) {
      cluster.seats.set(`n${i}`, { disk: new MemoryDisk(), machine: new ListMachine(), member: undefined });
    }
    for (const id of cluster.seats.keys()) await cluster.boot(id);
    return cluster;
  }

  /** Starts a member on what its disk holds. */
  async boot(id: NodeId): Promise<RaftMember> {
    const seat = this.#seat(id);
    const log = await openDiskLog({ disk: seat.disk, clusterId: 'test', id, segmentBytes: 8192, cacheBytesMax: 4096 });
    seat.machine = new ListMachine();
    seat.member = await openRaftMember({
      id,
      clusterId: 'test',
      voters: [...this.seats.keys()],
      log,
      transport: {
        send: (to, messages) => this.#carry(id, to, messages),
        fetchSnapshot: (from, meta) => this.#fetch(from, id, meta),
      },
      stateMachine: seat.machine,
      clock: this.clock,
      random: new SeededRandom(this.#random.int(0, 2 ** 31)),
      ...this.#options,
    });
    return seat.member;
  }

  /** The machine under a member loses power. */
  crash(id: NodeId): void {
    const seat = this.#seat(id);
    seat.disk = seat.disk.crash(this.#random);
    void seat.member?.close().catch(() => {});
    seat.member = undefined;
  }

  member(id: NodeId): RaftMember {
    const { member } = this.#seat(id);
    if (member === undefined) throw new RangeError(`${id} is down`);
    return member;
  }

  machine(id: NodeId): ListMachine {
    return this.#seat(id).machine;
  }

  /** Lets time pass until `condition` holds. */
  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !condition(); passed += 5) {
      if (passed > limitMs) throw new RangeError(`it did not come true within ${limitMs} ms`);
      await this.clock.advance(5);
    }
  }

  /** The member that leads and can be heard; waits for one. */
  async leader(): Promise<NodeId> {
    let leader: NodeId | undefined;
    await this.until(() => {
      leader = [...this.seats.keys()].find(
        (id) => !this.cut.has(id) && this.#seat(id).member?.status.role === 'leader',
      );
      return leader !== undefined;
    });
    return leader as NodeId;
  }

  others(id: NodeId): NodeId[] {
    return [...this.seats.keys()].filter((other) => other !== id);
  }

  /** Settles a promise by letting time pass. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.until(() => settled);
    return promise;
  }

  async close(): Promise<void> {
    for (const seat of this.seats.values()) await seat.member?.close();
  }

  #carry(from: NodeId, to: NodeId, messages: readonly Message[]): void {
    const wire = structuredClone(messages.map(toWire));
    this.clock.schedule(1, () => {
      if (this.cut.has(from) || this.cut.has(to)) return;
      for (const each of wire) for (const entry of each.entries ?? []) entry.data = Buffer.from(entry.data ?? []);
      const arrived = wire.map(fromWire).filter((message) => !this.lose(message));
      this.seats.get(to)?.member?.receive(arrived);
    });
  }

  async *#fetch(from: NodeId, to: NodeId, meta: SnapshotMeta): AsyncGenerator<Uint8Array> {
    this.fetches++;
    for await (const chunk of this.member(from).readSnapshot(meta.index)) {
      if (this.fetchMs > 0) await new Promise<void>((resolve) => this.clock.schedule(this.fetchMs, resolve));
      if (this.cut.has(from) || this.cut.has(to)) throw new RangeError('the link is down');
      yield chunk;
    }
  }

  #seat(id: NodeId): Seat {
    return this.seats.get(id) as Seat;
  }
}
