import type { Coordinator, ShardRecord } from '../coordinator/index.ts';
import {
  type Clock,
  errorMessage,
  type Logger,
  type NodeRef,
  type ShardId,
  ShardTable,
  settlesWithin,
  shardKey,
  type Timer,
  type Tracer,
  traced,
} from '../core/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { Cargo, Parcel } from './cargo.ts';
import type { Peers } from './peers.ts';
import type { Router } from './router.ts';
import { ACTIVE_TIMEOUT_MS, Shipping, STAGE_TIMEOUT_MS } from './shipping.ts';
import { Staging } from './staging.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Shards on the move at a time, from one node. */
export const HANDOVERS_MAX = 16;
/** Their value together; a single shard may have more. What moves at once stands still as long as all of it takes. */
const VALUE_MAX = 1_000;
/**
 * Longest that an agent stands still for the turns of others before a move, ms: then all goes on as before, and the move is tried later. Where
 * several have something to do, a turn whose step has been under way for longer isn't waited for at all. Only when turns must end, at the
 * end of a drain, are they cut off in a step.
 */
const STAND_MS_MAX = 200;
/** Longest that a move waits for turns while nobody stands still for them, ms. */
const WAIT_MS_MAX = 1_000;
/** Longest that a move waits for large states to be copied ahead, while the agents work on, ms. */
const PREPARE_MS_MAX = 2_000;
/** Pause before a move that was put off for a turn is tried again, ms: mail moves for most of the time. */
const PUT_OFF_MS = 500;
/** Pause before a move that failed, or can't begin yet, is tried again, ms. */
const RETRY_MS = 100;

/** How long a shard may be kept from turns. */
export interface PauseLimits {
  /** How long an agent may stand still for the turns of others, ms: for one whose step has been under way for longer, not at all. */
  readonly standMs: number;
  /** How long to wait at all, ms: also while nobody stands still for it. */
  readonly waitMs: number;
}

/** Whoever keeps the agents of the shards. */
export interface ShardTenant {
  /** How much lives in a shard: what is most worth moving first. Infinity goes before all else, and takes no time. */
  value(shard: ShardId): number;
  /** How long ago the slowest of its running turns began its last step, or began, ms; 0 where no other agent would stand still for it. */
  turnMs(shard: ShardId): number;
  /** Copies what is large in a shard to where it goes, while its agents still work. @throws TroupeError when not all could be */
  prepare(shard: ShardId, target: NodeRef): Promise<void>;
  /**
   * Begins no further turn of the shard's agents, and no step, until `resume` or `release`; their messages stay in line.
   *
   * @returns once all turns that ran have ended or come to a step: how long an agent has stood still for that, ms; undefined when it takes too long
   */
  pause(shard: ShardId, limits: PauseLimits): Promise<number | undefined>;
  /** Turns may begin again: the shard stays for now. */
  resume(shard: ShardId): void;
  /**
   * Stops the shard's agents and takes their messages. A turn that runs takes no further step; the one under way may end until
   * `stepsUntilMs` (monotonic), what runs then is aborted. A turn that didn't finish comes first. What the agents hear of goes along, and so
   * does what is large and has changed since it was copied to the target.
   */
  release(shard: ShardId, stepsUntilMs: number, target: NodeRef): Promise<Cargo>;
  /** Subscriptions that went along with shards, and that are still served from here. */
  relays(): number;
  /** Lets a shard's agents hear of what they did, and puts mail into their mailboxes. */
  load(shard: ShardId, cargo: Cargo): void;
}

/** What hand-over is made of. */
export interface HandoverParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly router: Router;
  readonly peers: Peers;
  readonly coordinator: Coordinator;
  readonly tenant: ShardTenant;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** By when a drain must be done with what; monotonic ms. They move when its deadline does. */
export interface DrainTimes {
  /** From then on a running turn takes no further step. */
  readonly turnsUntilMs: number;
  /** By then the step under way must end. */
  readonly stepsUntilMs: number;
}

/** What a drain has moved so far. */
export interface Moved {
  agents: number;
  messages: number;
  /** One per agent: from stopped here to active there, ms. Bounded by the agents of the node. */
  readonly pausesMs: number[];
}

/** Why a shard is left alone, until this monotonic time, ms. */
interface Rest {
  readonly why: 'failed' | 'put off';
  readonly untilMs: number;
}

/**
 * Moves shards whose ledger record names a target, live: stop, ship, transfer (epoch + 1), activate; late messages follow
 * through the line. A move that fails before the transfer puts everything back; when the ledger's answer to the transfer is
 * lost, the ledger is asked who owns the shard before anything is done with it.
 */
export class Handover {
  readonly #parts: HandoverParts;
  readonly #shipping: Shipping;
  readonly #staging: Staging;
  readonly #moving: Set<string> = new Set();
  /** Shards that this life has begun to move: as many as there are, at most. */
  readonly #begun: ShardTable<ShardId> = new ShardTable();
  /** Their value together. */
  #value = 0;
  /** Shards whose move has just failed or was put off. */
  readonly #resting: Map<string, Rest> = new Map();
  readonly #stopWatch: () => void;
  #retry: Timer | undefined;
  /** Of the drain that moves belong to. */
  #times: (() => DrainTimes) | undefined;
  /** Trace that moves belong to: that of the drain. */
  #traceparent: string | undefined;
  #moved: Moved | undefined;
  #closed = false;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
    this.#shipping = new Shipping(parts);
    this.#staging = new Staging(parts.clock);
    this.#stopWatch = parts.map.onChange(() => this.#look());
    parts.peers.serve('handover', (method, payload) => this.#serve(method, payload));
  }

  /** Shards on their way now. */
  get moving(): number {
    return this.#moving.size;
  }

  /**
   * Moves from now on belong to a drain.
   *
   * @param times by when, as it is at the moment
   * @returns what it moves, kept up to date
   */
  drain(times: () => DrainTimes, traceparent: string | undefined): Moved {
    this.#times = times;
    this.#traceparent = traceparent;
    this.#moved = { agents: 0, messages: 0, pausesMs: [] };
    return this.#moved;
  }

  /** The drain was taken back: moves have no deadline any more. */
  stay(): void {
    this.#times = undefined;
    this.#traceparent = undefined;
    this.#moved = undefined;
  }

  /**
   * Resolves when whatever others had sent here, before they knew where shards went, has come, and has been sent after them. Each node
   * answers once it knows, the way its messages go, so the answer comes behind the last of them. A node that is lost meanwhile, or
   * doesn't answer within `ACTIVE_TIMEOUT_MS`, isn't waited for. Never rejects.
   */
  async stragglers(): Promise<void> {
    const { map, self, peers, logger } = this.#parts;
    const gone = [...this.#begun].flatMap((id) => map.shard(id) ?? []).filter(({ owner }) => !sameNode(owner, self));
    if (gone.length === 0) return;
    const names = encodePayload(gone.map(({ group, shard, epoch }) => ({ group, shard, epoch })));
    const others = map.nodes().filter((node) => !sameNode(node, self) && map.isAlive(node));
    const asked = others.map((to) => peers.request(to, 'user', 'handover', 'active', names, ACTIVE_TIMEOUT_MS));
    const silent = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected').length;
    if (silent > 0) logger.debug('what is on its way not waited for', { nodes: silent });
  }

  /** Whether messages for agents that have moved may still come here, as others know of no other place to send them to. */
  get relaying(): boolean {
    return this.#parts.tenant.relays() > 0;
  }

  /** Starts no further moves. */
  close(): void {
    this.#closed = true;
    this.#shipping.close();
    this.#stopWatch();
    this.#retry?.cancel();
  }

  /** Cargo that came for a shard that is this node's from this record on; given once. */
  unload(shard: ShardRecord): Cargo | undefined {
    return this.#staging.take(shard);
  }

  #look(): void {
    if (this.#closed) return;
    const { map, self, tenant, router } = this.#parts;
    const due = map
      .shards()
      .filter((shard) => sameNode(shard.owner, self) && shard.target !== undefined && !sameNode(shard.target, self))
      .filter((shard) => !this.#moving.has(shardKey(shard)) && map.isAlive(shard.target as NodeRef));
    // A line that isn't open yet must first hear from the owner before this one, or lines could wait for each other.
    const ready = due.filter((shard) => this.#mayTry(shard) && router.line(shard).open);
    if (ready.length < due.length) this.#lookAgain();
    const byWorth = ready
      .map((shard) => ({ shard, worth: tenant.value(shard) }))
      .sort((a, b) => b.worth - a.worth || 0);
    for (const { shard, worth } of byWorth) {
      const value = Number.isFinite(worth) ? worth : 0;
      const room = this.#moving.size === 0 || this.#value + value <= VALUE_MAX;
      if (!room || this.#moving.size >= HANDOVERS_MAX) return;
      this.#moving.add(shardKey(shard));
      this.#value += value;
      void this.#run(shard, shard.target as NodeRef).finally(() => {
        this.#moving.delete(shardKey(shard));
        this.#value -= value;
        this.#look();
      });
    }
  }

  /** Whether turns must end now, whatever they are at. */
  #turnsMustEnd(): boolean {
    return this.#times !== undefined && this.#parts.clock.monotonic() >= this.#times().turnsUntilMs;
  }

  #mayTry(shard: ShardRecord): boolean {
    const { clock, tenant } = this.#parts;
    const rest = this.#resting.get(shardKey(shard));
    const rests = rest !== undefined && rest.untilMs > clock.monotonic();
    if (this.#turnsMustEnd()) return !rests || rest.why === 'put off';
    return !rests && tenant.turnMs(shard) <= STAND_MS_MAX;
  }

  #lookAgain(): void {
    this.#retry ??= this.#parts.clock.schedule(RETRY_MS, () => {
      this.#retry = undefined;
      this.#look();
    });
  }

  /** Never rejects. */
  async #run(shard: ShardRecord, target: NodeRef): Promise<void> {
    const key = shardKey(shard);
    const { tracer, logger, self } = this.#parts;
    const attributes = { 'troupe.shard': key, 'troupe.from': self.node, 'troupe.to': target.node };
    let why: Rest['why'] | undefined;
    try {
      const move = (): Promise<boolean> => this.#move(shard, target);
      if (!(await traced(tracer, 'agent.migrate', { parent: this.#traceparent, attributes }, move))) why = 'put off';
    } catch (error) {
      logger.warn('shard not moved', { shard: key, to: target.node, error: errorMessage(error) });
      why = 'failed';
    }
    const restMs = why === 'failed' ? RETRY_MS : PUT_OFF_MS;
    if (why === undefined) this.#resting.delete(key);
    else this.#resting.set(key, { why, untilMs: this.#parts.clock.monotonic() + restMs });
  }

  /** What isn't copied in time is read from where it is kept. */
  async #prepare(shard: ShardId, target: NodeRef): Promise<void> {
    const { clock, tenant, logger } = this.#parts;
    const preparing = tenant.prepare(shard, target).catch((error) => {
      logger.debug('not all is copied ahead', { shard: shardKey(shard), error: errorMessage(error) });
    });
    await settlesWithin(clock, PREPARE_MS_MAX, preparing);
  }

  /** Whether nothing has come between since the move was begun. */
  #stillDue({ group, shard, epoch, target }: ShardRecord): boolean {
    const { map, router } = this.#parts;
    const now = map.shard({ group, shard });
    return now?.epoch === epoch && sameNode(now.target, target) && router.line({ group, shard }).open;
  }

  /** @returns whether it was moved or needn't be any more, and not put off for a turn */
  async #move(shard: ShardRecord, target: NodeRef): Promise<boolean> {
    const { clock, router, tenant } = this.#parts;
    const id: ShardId = { group: shard.group, shard: shard.shard };
    const moved = this.#moved;
    await this.#shipping.greet(target);
    if (!this.#turnsMustEnd()) {
      await this.#prepare(id, target);
      await this.#shipping.berth(target);
    }
    if (!this.#stillDue(shard)) return true;
    let stoodMs: number | undefined = 0;
    if (!this.#turnsMustEnd()) {
      const leftMs = (this.#times?.().turnsUntilMs ?? Number.POSITIVE_INFINITY) - clock.monotonic();
      stoodMs = await tenant.pause(id, { standMs: STAND_MS_MAX, waitMs: Math.min(WAIT_MS_MAX, leftMs) });
      if (stoodMs === undefined || !this.#stillDue(shard)) {
        tenant.resume(id);
        return stoodMs !== undefined;
      }
    }
    const standsSince = clock.monotonic() - stoodMs;
    this.#begun.set(id, id);
    router.line(id).freeze();
    const cargo = await tenant.release(id, this.#times?.().stepsUntilMs ?? clock.monotonic(), target);
    const shipped = await this.#shipping.ship(shard, cargo, target);
    if (!shipped.moved) {
      if (shipped.ours) this.#putBack(shard, cargo, target);
      throw shipped.error;
    }
    if (moved === undefined) return true;
    const pauseMs = clock.monotonic() - standsSince;
    moved.agents += cargo.residents;
    for (const { messages } of cargo.agents) moved.messages += messages.length;
    for (let i = 0; i < cargo.residents; i++) moved.pausesMs.push(pauseMs);
    return true;
  }

  #putBack(shard: ShardRecord, cargo: Cargo, target: NodeRef): void {
    const { map, router, tenant, peers } = this.#parts;
    const now = map.shard(shard);
    // Given up by the cluster meanwhile: whoever asked asks the next owner.
    if (now?.epoch !== shard.epoch || !sameNode(now.owner, this.#parts.self)) return;
    tenant.load(shard, cargo);
    router.line(shard).thaw();
    // Should the target ever own the shard after this node's death, what was answered here must not come up again there.
    const name = encodePayload([{ group: shard.group, shard: shard.shard, epoch: shard.epoch + 1 }]);
    peers.request(target, 'bulk', 'handover', 'unstage', name, STAGE_TIMEOUT_MS).catch(() => undefined);
  }

  async #serve(method: string, payload: Uint8Array): Promise<Uint8Array> {
    const parcels = decodePayload(payload) as readonly Parcel[];
    if (method === 'stage') this.#staging.put(parcels);
    else if (method === 'unstage') this.#staging.drop(parcels);
    else if (method === 'active') await Promise.all(parcels.map((name) => this.#owns(name, name.epoch)));
    return encodePayload(undefined);
  }

  /** Resolves when this node's view shows the shard under `epoch` (or a later one), or after the limit. */
  #owns(id: ShardId, epoch: number): Promise<void> {
    const { map, clock } = this.#parts;
    if ((map.shard(id)?.epoch ?? 0) >= epoch) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        timer.cancel();
        resolve();
      };
      const timer = clock.schedule(ACTIVE_TIMEOUT_MS, finish);
      const stop = map.onChange(() => {
        if ((map.shard(id)?.epoch ?? 0) >= epoch) finish();
      });
    });
  }
}
