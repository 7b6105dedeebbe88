import type { ActorSystem, Ref } from '../actor/index.ts';
import {
  askerOf,
  type Cargo,
  type ClusterMap,
  type LocalAgents,
  type Peers,
  type Router,
  type ShardTenant,
  sameNode,
} from '../cluster/index.ts';
import type { Coordinator, GroupSpec, ShardRecord } from '../coordinator/index.ts';
import {
  type AgentAddress,
  type Clock,
  type Logger,
  type NodeRef,
  type ShardId,
  shardKey,
  type Timer,
  type Tracer,
  TroupeError,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { activation } from './activation.ts';
import type { AgentSpec, AnyAgent, Protocol } from './define.ts';
import type { Asker, Delivery } from './delivery.ts';
import type { Host } from './host.ts';

/** Shards of a kind that names no number. */
const SHARDS_DEFAULT = 32;
/** Idle time of an agent that names none, ms. */
const PASSIVATE_MS_DEFAULT = 60_000;
/** How often idle agents are looked for, ms. */
const SWEEP_MS = 1_000;
/** Agents resident at a time; past it new ones are refused. */
const RESIDENTS_MAX = 1_000_000;

/** What the runtime is made of. */
export interface RuntimeParts {
  readonly self: NodeRef;
  readonly agents: readonly AnyAgent[];
  readonly system: ActorSystem;
  readonly map: ClusterMap;
  readonly router: Router;
  readonly peers: Peers;
  readonly coordinator: Coordinator;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

interface Resident {
  readonly ref: Ref<Delivery>;
  /** Requests that wait or run, by id. */
  readonly requests: Map<string, Delivery>;
  /** Messages that wait or run. */
  open: number;
  /** The message whose turn runs, and since when, monotonic ms. */
  running: { readonly delivery: Delivery; readonly since: number } | undefined;
  idleSince: number;
}

/** The shard groups that agent kinds make, one per kind. */
export function groupsOf(agents: readonly AnyAgent[]): GroupSpec[] {
  return agents.map((agent) => {
    const spec = specOf(agent);
    return { group: agent.kind, shards: spec.shards ?? SHARDS_DEFAULT, placement: spec.placement ?? {} };
  });
}

function specOf(agent: AnyAgent): AgentSpec<unknown, Protocol> {
  return (agent as unknown as { readonly spec: AgentSpec<unknown, Protocol> }).spec;
}

/** The agents that live on this node: activated by their first message, gone when idle, moved with their shard. */
export class AgentRuntime implements LocalAgents, ShardTenant {
  readonly #parts: RuntimeParts;
  readonly #specs: Map<string, AgentSpec<unknown, Protocol>> = new Map();
  readonly #shards: Map<string, Map<string, Resident>> = new Map();
  readonly #sweep: Timer;
  /** Cargo of shards that were staged before they were ours. */
  readonly #cargo: (shard: ShardRecord) => Cargo | undefined;
  #residents = 0;

  /** @param cargo gives what came with a shard that is ours from now on */
  constructor(parts: RuntimeParts, cargo: (shard: ShardRecord) => Cargo | undefined) {
    this.#parts = parts;
    this.#cargo = cargo;
    for (const agent of parts.agents) this.#specs.set(agent.kind, specOf(agent));
    this.#sweep = parts.clock.repeat(SWEEP_MS, () => this.#passivate());
    parts.map.onChange((change) => {
      for (const shard of change.shards) if (!sameNode(shard.owner, parts.self)) this.#drop(shard);
    });
  }

  /** Agents in memory. */
  get residents(): number {
    return this.#residents;
  }

  adopt(shard: ShardRecord): void {
    const cargo = this.#cargo(shard);
    if (cargo !== undefined) this.load(shard, cargo);
  }

  deliver(address: AgentAddress, shard: ShardId, envelope: Envelope): void | Promise<void> {
    const resident = this.#shards.get(shardKey(shard))?.get(address.key) ?? this.#activate(address, shard);
    if (resident instanceof TroupeError) return this.#parts.router.refuse(envelope, resident);
    const known = envelope.requestId === undefined ? undefined : resident.requests.get(envelope.requestId);
    if (envelope.kind === 'cancel')
      return known?.cancelled.abort(new TroupeError('CANCELLED', 'the asker took the request back'));
    const node = askerOf(envelope);
    const asker: Asker | undefined =
      envelope.kind === 'ask' && node !== undefined ? { node, correlation: envelope.correlation } : undefined;
    if (known !== undefined && !known.cancelled.signal.aborted) {
      if (asker !== undefined) known.askers.push(asker);
      return;
    }
    return this.#enqueue(address, resident, envelope, asker);
  }

  value(shard: ShardId): number {
    let value = 0;
    for (const resident of this.#shards.get(shardKey(shard))?.values() ?? []) value += 1 + resident.open;
    return value;
  }

  turnMs(shard: ShardId): number {
    const now = this.#parts.clock.monotonic();
    let longest = 0;
    for (const { running } of this.#shards.get(shardKey(shard))?.values() ?? []) {
      if (running !== undefined) longest = Math.max(longest, now - running.since);
    }
    return longest;
  }

  async release(shard: ShardId, untilMs: number): Promise<Cargo> {
    const residents = [...(this.#shards.get(shardKey(shard)) ?? [])];
    const timeoutMs = Math.max(0, untilMs - this.#parts.clock.monotonic());
    const agents = await Promise.all(
      residents.map(async ([key, resident]) => {
        const { messages } = await this.#parts.system.extract(resident.ref, { timeoutMs });
        return { key, messages: messages.flatMap((delivery) => this.#export(delivery)) };
      }),
    );
    this.#forget(shard);
    return { agents };
  }

  load(shard: ShardId, cargo: Cargo): void {
    for (const agent of cargo.agents) {
      for (const envelope of agent.messages) void this.deliver({ kind: shard.group, key: agent.key }, shard, envelope);
    }
  }

  /** Stops looking for idle agents. The actors end with their system. */
  close(): void {
    this.#sweep.cancel();
  }

  #activate(address: AgentAddress, shard: ShardId): Resident | TroupeError {
    const spec = this.#specs.get(address.kind);
    const record = this.#parts.map.shard(shard);
    const where = `${address.kind}/${address.key}`;
    if (spec === undefined || record === undefined) {
      return new TroupeError('UNKNOWN_AGENT', `this node hosts no agents of kind "${address.kind}"`, {
        address: where,
      });
    }
    if (this.#residents >= RESIDENTS_MAX) {
      return new TroupeError('OVERLOADED', `${RESIDENTS_MAX} agents are resident on this node`, { address: where });
    }
    const { self, coordinator, host, clock, logger, tracer, peers, system } = this.#parts;
    const restartLimit = {
      intensity: spec.supervision?.intensity ?? 5,
      periodMs: spec.supervision?.periodMs ?? 10_000,
    };
    const resident: Resident = {
      requests: new Map(),
      open: 0,
      running: undefined,
      idleSince: clock.monotonic(),
      ref: system.spawn<Delivery>(
        () =>
          activation({
            address,
            fence: { group: shard.group, shard: shard.shard, epoch: record.epoch },
            node: self,
            spec,
            coordinator,
            host,
            clock,
            logger,
            tracer,
            reply: (asker, value, error) => peers.reply(asker.node, asker.correlation, value, error),
            began: (delivery) => {
              resident.running = { delivery, since: clock.monotonic() };
            },
            settled: (delivery) => this.#settled(resident, delivery),
          }),
        {
          restart: spec.supervision?.restart ?? 'permanent',
          restartLimit,
          mailbox: { capacity: spec.mailbox?.capacity ?? 1_000, overflow: spec.mailbox?.overflow ?? 'reject' },
        },
      ),
    };
    const key = shardKey(shard);
    let residents = this.#shards.get(key);
    if (residents === undefined) {
      residents = new Map();
      this.#shards.set(key, residents);
    }
    residents.set(address.key, resident);
    this.#residents++;
    system.watch(resident.ref, ({ reason }) => {
      if (reason === 'crashed')
        logger.error('agent given up after too many crashes', { agent: where, ...restartLimit });
      this.#remove(key, address.key, resident);
    });
    return resident;
  }

  #enqueue(
    address: AgentAddress,
    resident: Resident,
    envelope: Envelope,
    asker: Asker | undefined,
  ): void | Promise<void> {
    const { clock, router } = this.#parts;
    const delivery: Delivery = {
      envelope,
      askers: asker === undefined ? [] : [asker],
      deadlineAt: envelope.timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + envelope.timeoutMs,
      cancelled: new AbortController(),
    };
    resident.open++;
    if (envelope.requestId !== undefined) resident.requests.set(envelope.requestId, delivery);
    const refused = (error: TroupeError): void => {
      this.#settled(resident, delivery);
      router.refuse(envelope, error);
    };
    if (this.#specs.get(address.kind)?.mailbox?.overflow === 'backpressure') {
      return resident.ref.offer(delivery).catch((error: TroupeError) => refused(error));
    }
    if (!resident.ref.tell(delivery)) {
      refused(
        new TroupeError('MAILBOX_FULL', `the mailbox of ${address.kind}/${address.key} is full`, {
          address: envelope.to,
        }),
      );
    }
  }

  #settled(resident: Resident, delivery: Delivery): void {
    const id = delivery.envelope.requestId;
    if (id !== undefined && resident.requests.get(id) === delivery) resident.requests.delete(id);
    if (resident.running?.delivery === delivery) resident.running = undefined;
    resident.open--;
    resident.idleSince = this.#parts.clock.monotonic();
  }

  /** One envelope per asker, with what is left of the deadline. */
  #export(delivery: Delivery): Envelope[] {
    const left = delivery.deadlineAt - this.#parts.clock.monotonic();
    if (left <= 0 || delivery.cancelled.signal.aborted) return [];
    const envelope = left === Number.POSITIVE_INFINITY ? delivery.envelope : { ...delivery.envelope, timeoutMs: left };
    if (delivery.askers.length === 0) return [envelope];
    return delivery.askers.map((asker) => ({
      ...envelope,
      from: `${asker.node.node}#${asker.node.incarnation}`,
      correlation: asker.correlation,
    }));
  }

  /** The shard is no longer ours, and not by our own hand: whatever runs can commit nothing, its askers ask the new owner. */
  #drop(shard: ShardId): void {
    for (const resident of this.#shards.get(shardKey(shard))?.values() ?? [])
      void this.#parts.system.extract(resident.ref, { timeoutMs: 0 });
    this.#forget(shard);
  }

  #forget(shard: ShardId): void {
    const key = shardKey(shard);
    this.#residents -= this.#shards.get(key)?.size ?? 0;
    this.#shards.delete(key);
  }

  #remove(shard: string, key: string, resident: Resident): void {
    const residents = this.#shards.get(shard);
    if (residents?.get(key) !== resident) return;
    residents.delete(key);
    this.#residents--;
    if (residents.size === 0) this.#shards.delete(shard);
  }

  #passivate(): void {
    const now = this.#parts.clock.monotonic();
    for (const [shard, residents] of this.#shards) {
      const group = shard.slice(0, shard.lastIndexOf(':'));
      const idleMs = this.#specs.get(group)?.passivateAfterMs ?? PASSIVATE_MS_DEFAULT;
      for (const [key, resident] of residents) {
        if (resident.open > 0 || now - resident.idleSince < idleMs) continue;
        this.#remove(shard, key, resident);
        void this.#parts.system.stop(resident.ref);
      }
    }
  }
}
