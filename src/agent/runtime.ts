import { ActorSystem, type DeadLetter, type Terminated } from '../actor/index.ts';
import {
  type Cargo,
  type ClusterMap,
  type LocalAgents,
  type NodeActors,
  type PauseLimits,
  type Peers,
  type Router,
  type ShardTenant,
  sameNode,
} from '../cluster/index.ts';
import type { Coordinator, HeldRef, ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  agentAddressKey,
  type Clock,
  type Epoch,
  type Fence,
  type Logger,
  type NodeRef,
  nodeRefKey,
  type Random,
  type ShardId,
  ShardTable,
  type Timer,
  type Tracer,
  TroupeError,
} from '../core/index.ts';
import type { JournalStore } from '../journal/index.ts';
import type { Envelope } from '../remote/index.ts';
import { Threads } from '../thread/index.ts';
import { askCircle } from './ask-circle.ts';
import { type AnyAgent, SINGLETON_KEY } from './define.ts';
import { Delivery, whoAsks } from './delivery.ts';
import { runtimeMail } from './errand.ts';
import { HeldTurns, HeldWatch } from './held.ts';
import type { Host } from './host.ts';
import { behaviorOf, type Kind, kindOf, NOTHING_SHIPPED, type Shipped, withRoomFor } from './kind.ts';
import type { Kept } from './large-values.ts';
import { ACCEPT_METHOD } from './mail.ts';
import { Post } from './post.ts';
import { Precopy } from './precopy.ts';
import { RECALLS_MAX, Recalls } from './recalls.ts';
import { Residency, type ResidencyLimits } from './residency.ts';
import { Resident, type Tenancy } from './resident.ts';
import type { Household } from './serving.ts';
import { ShardGate } from './shard-gate.ts';
import { AgentSubscriptions } from './subscriptions.ts';
import { AgentWatches } from './watches.ts';

/** How often idle agents are looked for, ms. */
const SWEEP_MS = 1_000;
/** Askers of one request; further ones are refused. */
const ASKERS_MAX = 1_000;
/** What the runtime is made of. */
export interface RuntimeParts {
  readonly self: NodeRef;
  readonly agents: readonly AnyAgent[];
  readonly map: ClusterMap;
  readonly router: Router;
  readonly peers: Peers;
  readonly actors: NodeActors;
  readonly coordinator: Coordinator;
  /** Where journals are kept. */
  readonly store: JournalStore;
  readonly host: Host;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tracer: Tracer;
  /** Worker threads at a time, of agents with `isolation: 'thread'`. Default THREADS_MAX. */
  readonly threadsMax?: number;
  /** What is kept in memory; what is left out has its default. */
  readonly residency?: Partial<ResidencyLimits>;
  /** Journals read at a time. Default RECALLS_MAX. */
  readonly recallsMax?: number;
}

/** The agents that live on this node: activated by their first message, gone when idle, moved with their shard. */
export class AgentRuntime implements LocalAgents, ShardTenant {
  readonly #parts: RuntimeParts;
  readonly #system: ActorSystem;
  readonly #kinds: Map<string, Kind> = new Map();
  readonly #shards: ShardTable<Tenancy> = new ShardTable();
  readonly #threads: Threads;
  readonly #watches: AgentWatches;
  readonly #subscriptions: AgentSubscriptions;
  readonly #sweep: Timer;
  readonly #held: HeldWatch;
  /** Cargo of shards that were staged before they were ours. */
  readonly #cargo: (shard: ShardRecord) => Cargo | undefined;
  readonly #residency: Residency;
  readonly #recalls: Recalls;
  readonly #post: Post;
  readonly #precopy: Precopy;
  /** Where journals are kept, and what was copied here ahead of its agents. */
  readonly #store: JournalStore;

  /** @param cargo gives what came with a shard that is ours from now on */
  constructor(parts: RuntimeParts, cargo: (shard: ShardRecord) => Cargo | undefined) {
    this.#parts = parts;
    this.#cargo = cargo;
    this.#residency = new Residency(parts.residency ?? {}, (resident) => this.#passivate(resident));
    this.#recalls = new Recalls(parts.recallsMax ?? RECALLS_MAX);
    const { self, map, clock, random, logger, tracer, store } = parts;
    this.#precopy = new Precopy({ peers: parts.peers, blobs: store.blobs, clock });
    this.#store = { journals: store.journals, blobs: this.#precopy.blobs, close: () => store.close() };
    this.#watches = new AgentWatches(parts.actors, map, parts.host, logger);
    this.#subscriptions = new AgentSubscriptions(parts.actors, map, parts.host, logger);
    this.#system = new ActorSystem({ clock, random, logger, tracer, onDeadLetter: (letter) => this.#lost(letter) });
    this.#threads = new Threads({ clock, ...(parts.threadsMax === undefined ? {} : { threadsMax: parts.threadsMax }) });
    for (const agent of parts.agents) {
      this.#kinds.set(
        agent.kind,
        kindOf(agent, this.#threads, (idleMs) => this.#residency.list(idleMs)),
      );
    }
    this.#sweep = clock.repeat(SWEEP_MS, () => {
      this.#residency.sweep(clock.monotonic());
      this.#precopy.sweep(clock.monotonic());
    });
    this.#held = new HeldWatch(parts.coordinator, clock, (held, envelope) => this.#resume(held, envelope));
    this.#post = new Post({
      host: parts.host,
      store: parts.store,
      clock,
      random,
      logger,
      deliver: ({ group, shard }, key, method) => {
        const address = { kind: group, key };
        void this.#take(address, { group, shard }, runtimeMail(address, method));
      },
    });
    map.onChange((change) => {
      for (const shard of change.shards) {
        if (sameNode(shard.owner, self)) continue;
        this.#dropUntil(shard, shard.epoch);
        this.#post.drop(shard);
      }
    });
  }

  /** Agents in memory. */
  get residents(): number {
    return this.#residency.residents;
  }

  /** What the journals of agents in memory remember, as encoded, bytes. */
  get residentBytes(): number {
    return this.#residency.bytes;
  }

  /** What this node has to do: messages that wait or run, and how long the oldest that waits has done so, ms. */
  get backlog(): { readonly open: number; readonly waitMs: number } {
    const { backlog } = this.#residency;
    return { open: backlog.open, waitMs: Math.round(backlog.waitMs(this.#parts.clock.monotonic())) };
  }

  adopt(shard: ShardRecord): void {
    // Whoever was active under an earlier epoch can commit nothing any more.
    this.#dropUntil(shard, shard.epoch - 1);
    const cargo = this.#cargo(shard);
    if (cargo !== undefined) this.load(shard, cargo);
    this.#held.arrived();
    const kind = this.#kinds.get(shard.group);
    if (kind === undefined || kind.spec.durability === 'none') return;
    this.#post.adopt({ group: shard.group, shard: shard.shard, epoch: shard.epoch });
  }

  deliver(address: AgentAddress, shard: ShardId, envelope: Envelope): void | Promise<void> {
    if (envelope.kind === 'cancel') return this.#cancel(address, shard, envelope);
    return this.#take(address, shard, envelope);
  }

  value(shard: ShardId): number {
    let value = 0;
    for (const resident of this.#residentsOf(shard)) value += 1 + resident.open;
    return value;
  }

  turnMs(shard: ShardId): number {
    let busy = 0;
    for (const { open } of this.#residentsOf(shard)) if (open > 0) busy++;
    return busy < 2 ? 0 : this.#slowest(this.#turnsOf(shard));
  }

  async prepare(shard: ShardId, target: NodeRef): Promise<void> {
    const large = this.#shards.get(shard)?.large;
    if (large !== undefined && large.size > 0) await this.#precopy.copy([...large.values()], target);
  }

  async pause(shard: ShardId, limits: PauseLimits): Promise<number | undefined> {
    const gate = this.#shards.get(shard)?.house.gate;
    if (gate === undefined) return 0;
    const turns = [...this.#turnsOf(shard)];
    const running = turns.map((resident) => resident.running as Delivery);
    return gate.close(running, this.#slowest(turns) > limits.standMs ? { ...limits, standMs: 0 } : limits);
  }

  resume(shard: ShardId): void {
    this.#shards.get(shard)?.house.gate.open();
  }

  async release(shard: ShardId, stepsUntilMs: number, target: NodeRef): Promise<Cargo> {
    const tenancy = this.#shards.get(shard);
    const { clock } = this.#parts;
    const timeoutMs = Math.max(0, stepsUntilMs - clock.monotonic());
    // Whoever has nothing to do needn't be waited for, and takes nothing along.
    const busy: Resident[] = [];
    const idle: Resident[] = [];
    for (const resident of tenancy?.residents.values() ?? []) (resident.open > 0 ? busy : idle).push(resident);
    const releasing = busy.map(async (resident) => {
      // Senders that wait for room in the mailbox come after what is in it.
      const waiting: Delivery[] = [];
      const onLate = (delivery: Delivery): number => waiting.push(delivery);
      this.#hurry(resident);
      const { messages } = await this.#system.extract(resident.ref, { timeoutMs, onLate });
      const deliveries = [...(resident.cut === undefined ? [] : [resident.cut]), ...messages, ...waiting];
      return { key: resident.address.key, messages: deliveries.flatMap((delivery) => this.#export(delivery)) };
    });
    tenancy?.house.gate.open();
    const agents = await Promise.all(releasing);
    const large = [...(tenancy?.large.values() ?? [])];
    if (tenancy !== undefined) this.#forget(tenancy);
    for (const { ref } of idle) void this.#system.stop(ref);
    // Turns have ended: nothing is watched any more that wouldn't go along.
    const watches = this.#watches.take(shard);
    const subscriptions = this.#subscriptions.of(shard);
    const states = this.#precopy.missing(large, target);
    return { residents: busy.length + idle.length, agents, watches, subscriptions, states };
  }

  relays(): number {
    return this.#subscriptions.left;
  }

  load(shard: ShardId, cargo: Cargo): void {
    this.#watches.load(shard, cargo.watches);
    this.#subscriptions.load(shard, cargo.subscriptions);
    this.#precopy.take(cargo.states ?? []);
    for (const { key, messages } of cargo.agents) {
      const bytes = messages.reduce((sum, { payload }) => sum + payload.byteLength, 0);
      const shipped = { messages: messages.length, bytes };
      for (const envelope of messages) void this.#take({ kind: shard.group, key }, shard, envelope, shipped);
    }
  }

  /** Stops the agents; what waits for them is answered by their next home. @param timeoutMs for turns to end */
  async close(timeoutMs: number): Promise<void> {
    this.#sweep.cancel();
    this.#held.close();
    this.#post.close();
    await this.#system.shutdown(timeoutMs);
    await this.#threads.close();
  }

  /** Goes on with a turn that was held, if its agent lives here. */
  #resume({ group, key }: HeldRef, envelope: Envelope): boolean {
    const shard = this.#parts.map.shardOf(group, key);
    const record = shard && this.#parts.map.shard(shard);
    if (shard === undefined || record === undefined || !this.#owns(record)) return false;
    void this.#take({ kind: group, key }, shard, envelope);
    return true;
  }

  /** @param shipped what comes for the agent with its shard: that fits, whatever the bounds of its mailbox */
  #take(
    address: AgentAddress,
    shard: ShardId,
    envelope: Envelope,
    shipped: Shipped = NOTHING_SHIPPED,
  ): void | Promise<void> {
    const { router, peers, clock } = this.#parts;
    const { requestId } = envelope;
    if (requestId === undefined) {
      const error = new TroupeError('PROTOCOL_VIOLATION', 'a message for an agent needs a request id');
      return router.refuse(envelope, error);
    }
    const crowded = shipped === NOTHING_SHIPPED ? this.#residency.crowded(envelope.payload.byteLength) : undefined;
    const waits = (): boolean => this.#shards.get(shard)?.residents.get(address.key)?.request(requestId) !== undefined;
    if (crowded !== undefined && !waits()) return router.refuse(envelope, crowded);
    const resident = this.#resident(address, shard, shipped);
    if (resident instanceof TroupeError) return router.refuse(envelope, resident);
    const circle = askCircle(peers, resident, envelope);
    if (circle !== undefined) return router.refuse(envelope, circle);
    const now = clock.monotonic();
    const deadlineAt = (envelope.sinceMs ?? now) + (envelope.timeoutMs ?? Number.POSITIVE_INFINITY);
    const known = resident.request(requestId);
    if (known !== undefined && !known.cancelled) return this.#join(known, envelope, deadlineAt);
    const delivery = new Delivery(envelope, resident, deadlineAt);
    resident.enter(delivery);
    this.#residency.backlog.add(delivery, now);
    const aside = envelope.method === ACCEPT_METHOD ? this.#post.asides.get(resident) : undefined;
    if (aside !== undefined) return void aside.aside(delivery);
    // What the mailbox refuses is a dead letter, and those are answered.
    if (resident.tenancy.waits) return resident.ref.offer(delivery).catch(() => undefined);
    resident.ref.tell(delivery);
  }

  /** The same request again, while the first one waits or runs. */
  #join(known: Delivery, envelope: Envelope, deadlineAt: number): void {
    known.deadlineAt = Math.max(known.deadlineAt, deadlineAt);
    const asker = whoAsks(envelope);
    if (asker === undefined || known.join(asker, ASKERS_MAX)) return;
    this.#parts.router.refuse(envelope, new TroupeError('OVERLOADED', `${ASKERS_MAX} ask the same already`));
  }

  /** One asker takes its request back; the turn is aborted when nobody waits for it any more. */
  #cancel(address: AgentAddress, shard: ShardId, envelope: Envelope): void {
    const resident = this.#shards.get(shard)?.residents.get(address.key);
    const delivery = resident?.request(envelope.requestId ?? '');
    const asker = whoAsks(envelope);
    if (asker === undefined || delivery?.leave(asker) !== true) return;
    delivery.cancel(new TroupeError('CANCELLED', 'the asker took the request back'));
  }

  #resident(address: AgentAddress, shard: ShardId, shipped: Shipped): Resident | TroupeError {
    const known = this.#shards.get(shard)?.residents.get(address.key);
    if (known === undefined) return this.#activate(address, shard, shipped);
    if (known.restsUntil === 0) return known;
    const where = agentAddressKey(address);
    return new TroupeError('ACTOR_TERMINATED', `${where} crashed too often and is left alone`, { address: where });
  }

  #activate(address: AgentAddress, shard: ShardId, shipped: Shipped): Resident | TroupeError {
    const kind = this.#kinds.get(address.kind);
    if (kind === undefined) {
      const message = `this node hosts no agents of kind "${address.kind}"`;
      return new TroupeError('UNKNOWN_AGENT', message, { address: agentAddressKey(address) });
    }
    if (kind.spec.singleton && address.key !== SINGLETON_KEY) {
      const message = `there is one agent of kind "${address.kind}", under the key "${SINGLETON_KEY}"`;
      return new TroupeError('UNKNOWN_AGENT', message, { address: agentAddressKey(address) });
    }
    const record = this.#parts.map.shard(shard);
    // Acting under an epoch that is another's would break the fence.
    if (record === undefined || !this.#owns(record)) {
      return new TroupeError('NOT_OWNER', 'the shard has another owner', { address: agentAddressKey(address) });
    }
    const full = this.#residency.admit();
    if (full !== undefined) return full;
    const tenancy =
      this.#shards.get(shard) ?? this.#moveIn(kind, { group: shard.group, shard: shard.shard, epoch: record.epoch });
    const { keeping } = kind;
    const resident = new Resident(tenancy, address, this.#parts.clock.monotonic());
    resident.ref = this.#system.spawnFor(resident, withRoomFor(shipped, keeping));
    tenancy.residents.set(address.key, resident);
    this.#residency.add(resident);
    return resident;
  }

  #ended(resident: Resident, { restart, restartLimit }: Kind['keeping'], { reason }: Terminated): void {
    if (reason !== 'crashed' || restart === 'temporary') {
      this.#remove(resident);
      return;
    }
    const agent = agentAddressKey(resident.address);
    this.#parts.logger.error('agent given up after too many crashes', { agent, ...restartLimit });
    if (!resident.gone) this.#residency.rest(resident, this.#parts.clock.monotonic() + restartLimit.periodMs);
  }

  #moveIn(kind: Kind, fence: Fence): Tenancy {
    const { spec, idle, keeping } = kind;
    const { self, coordinator, host, actors, clock, logger, tracer, peers } = this.#parts;
    const gate = new ShardGate(clock);
    const large = new Map<Resident, Kept>();
    const house: Household = {
      fence,
      node: self,
      spec,
      coordinator,
      store: this.#store,
      host,
      actors,
      watches: this.#watches,
      subscriptions: this.#subscriptions,
      held: new HeldTurns(coordinator, fence),
      clock,
      logger,
      tracer,
      reply: (asker, value, error, spent) => peers.reply(asker.node, asker.correlation, value, error, spent),
      recalls: this.#recalls,
      post: this.#post,
      gate,
      weigh: (resident, { bytes, state }) => {
        this.#residency.weigh(resident, bytes);
        if (state?.blob !== undefined && !resident.gone) large.set(resident, state);
        else if (large.size > 0) large.delete(resident);
      },
      began: (delivery) => this.#residency.backlog.began(delivery),
      settled: (delivery) => {
        this.#settled(delivery);
        gate.rests(delivery);
      },
    };
    const tenancy: Tenancy = {
      house,
      residents: new Map(),
      large,
      idle,
      waits: keeping.mailbox.overflow === 'backpressure',
      behavior: (address) => behaviorOf(kind, house, address),
      ended: (resident, terminated) => this.#ended(resident, keeping, terminated),
    };
    this.#shards.set(fence, tenancy);
    return tenancy;
  }

  #owns({ owner }: ShardRecord): boolean {
    return sameNode(owner, this.#parts.self);
  }

  /** A mailbox gave a message up. Who asked hears why, or asks again when the agent may serve it yet. */
  #lost(letter: DeadLetter): void {
    const delivery = letter.message as Delivery;
    if (delivery.settled) return;
    this.#settled(delivery);
    const error =
      letter.reason === 'overflow'
        ? this.#noRoom(delivery)
        : new TroupeError('NODE_UNAVAILABLE', 'the agent stopped before it came to the message');
    for (const asker of delivery.askers) this.#parts.peers.reply(asker.node, asker.correlation, undefined, error);
    if (delivery.askers.length > 0) return;
    this.#parts.logger.warn('message dropped', { to: delivery.envelope.to, reason: letter.reason });
    this.#parts.actors.bury(delivery.envelope, error);
  }

  #noRoom({ envelope: { to, payload }, resident }: Delivery): TroupeError {
    const { bytes } = (this.#kinds.get(resident.address.kind) as Kind).keeping.mailbox;
    return payload.byteLength > bytes
      ? new TroupeError('MESSAGE_TOO_LARGE', `the mailbox of the agent takes ${bytes} bytes`, { address: to })
      : new TroupeError('MAILBOX_FULL', 'the mailbox of the agent is full', { address: to });
  }

  #settled(delivery: Delivery): void {
    if (delivery.settled) return;
    delivery.settled = true;
    this.#residency.backlog.settled(delivery);
    delivery.resident.leave(delivery, this.#parts.clock.monotonic());
  }

  /** One envelope per asker, with what is left of the deadline. */
  #export(delivery: Delivery): Envelope[] {
    const left = delivery.deadlineAt - this.#parts.clock.monotonic();
    if (left <= 0 || delivery.cancelled) return [];
    const timeoutMs = left === Number.POSITIVE_INFINITY ? undefined : left;
    const envelope = { ...delivery.envelope, timeoutMs, sinceMs: undefined };
    if (delivery.askers.length === 0) return [envelope];
    return delivery.askers.map(({ node, correlation }) => ({ ...envelope, from: nodeRefKey(node), correlation }));
  }

  *#residentsOf(shard: ShardId): Iterable<Resident> {
    yield* this.#shards.get(shard)?.residents.values() ?? [];
  }

  /** Agents of a shard whose turn has begun; one that waits for its journal hasn't. */
  *#turnsOf(shard: ShardId): Iterable<Resident> {
    for (const resident of this.#residentsOf(shard)) {
      const { running } = resident;
      if (running !== undefined && !this.#recalls.waits(running)) yield resident;
    }
  }

  /** How long ago the slowest of running turns began its last step, or began, ms; 0 for none. */
  #slowest(turns: Iterable<Resident>): number {
    const now = this.#parts.clock.monotonic();
    let longest = 0;
    for (const { sinceMs } of turns) longest = Math.max(longest, now - sinceMs);
    return longest;
  }

  /** The shard went from here, and not by our own hand: whatever runs can commit nothing, its askers ask the new owner. */
  #dropUntil(shard: ShardId, epoch: Epoch): void {
    const tenancy = this.#shards.get(shard);
    if (tenancy === undefined || tenancy.house.fence.epoch > epoch) return;
    for (const resident of tenancy.residents.values()) {
      this.#hurry(resident);
      void this.#system.extract(resident.ref, { timeoutMs: 0 }).then(({ messages }) => {
        for (const { envelope } of messages) this.#parts.actors.bury(envelope, moved());
      });
    }
    this.#forget(tenancy);
  }

  #forget(tenancy: Tenancy): void {
    const { fence } = tenancy.house;
    if (this.#shards.get(fence) !== tenancy) return;
    for (const resident of tenancy.residents.values()) this.#residency.remove(resident);
    this.#shards.delete(fence);
  }

  #remove(resident: Resident): void {
    const { tenancy, address } = resident;
    const { residents } = tenancy;
    this.#residency.remove(resident);
    if (residents.get(address.key) !== resident) return;
    residents.delete(address.key);
    tenancy.large.delete(resident);
    if (residents.size === 0) this.#forget(tenancy);
  }

  #passivate(resident: Resident): void {
    this.#remove(resident);
    void this.#system.stop(resident.ref);
  }

  /** It is being moved: a turn that waits for its journal needn't, and moves as it is; one that runs takes no further step. */
  #hurry(resident: Resident): void {
    resident.stopping = true;
    if (resident.running !== undefined) this.#recalls.hurry(resident.running);
  }
}

function moved(): TroupeError {
  return new TroupeError('NOT_OWNER', 'the shard went to another owner');
}
