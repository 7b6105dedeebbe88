import type { Coordinator, ShardRecord } from '../coordinator/index.ts';
import {
  type Clock,
  delay,
  errorMessage,
  type Logger,
  type NodeRef,
  type ShardId,
  shardKey,
  type Timer,
  type Tracer,
  traced,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { Peers } from './peers.ts';
import type { Router } from './router.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Shards on the move at a time, from one node. */
export const HANDOVERS_MAX = 32;
/** Time for the new owner to take the cargo, ms. */
const STAGE_TIMEOUT_MS = 10_000;
/** Time for the new owner to see that it owns the shard, ms. */
const ACTIVE_TIMEOUT_MS = 5_000;
/** Cargo that never became its receiver's is dropped after this, ms. */
const STAGED_MS_MAX = 60_000;
/**
 * A shard isn't stopped while one of its turns has been running for longer than this, ms: its other agents would wait for that
 * turn. A drain stops it all the same when turns must end.
 */
const LONG_TURN_MS = 300;
/** Longest that running turns, and after that their steps, may hold a move up when there is no deadline, ms. */
const TURN_MS_MAX = 5_000;
const STEP_MS_MAX = 2_000;
/** Pause before a move that failed, or can't begin yet, is tried again, ms. */
const RETRY_MS = 100;

/** What moves with a shard: its resident agents and their queued messages, in order. State is in their journals. */
export interface Cargo {
  readonly agents: readonly { readonly key: string; readonly messages: readonly Envelope[] }[];
}

/** Whoever keeps the agents of the shards. */
export interface ShardTenant {
  /** How much lives in a shard: what is most worth moving first. */
  value(shard: ShardId): number;
  /** How long the longest of its running turns has been running, ms; 0 when none runs. */
  turnMs(shard: ShardId): number;
  /**
   * Stops the shard's agents, whose messages stay in line: running turns may finish until `turnsUntilMs`, after that their
   * step under way until `stepsUntilMs` (monotonic); what runs then is aborted. A turn that didn't finish comes first.
   */
  release(shard: ShardId, turnsUntilMs: number, stepsUntilMs: number): Promise<Cargo>;
  /** Puts mail into the mailboxes of a shard's agents. */
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

interface Staged {
  readonly epoch: number;
  readonly cargo: Cargo;
  readonly atMs: number;
}

/** What a drain has moved so far. */
export interface Moved {
  agents: number;
  messages: number;
  /** One per agent: from stopped here to active there, ms. Bounded by the agents of the node. */
  readonly pausesMs: number[];
}

/**
 * Moves shards whose ledger record names a target, live: stop, ship, transfer (epoch + 1), activate; late messages follow
 * through the line. A move that fails before the transfer puts everything back; when the ledger's answer to the transfer is
 * lost, the ledger is asked who owns the shard before anything is done with it.
 */
export class Handover {
  readonly #parts: HandoverParts;
  readonly #staged: Map<string, Staged> = new Map();
  readonly #moving: Set<string> = new Set();
  /** Shards whose move has just failed. */
  readonly #resting: Set<string> = new Set();
  readonly #stopWatch: () => void;
  #retry: Timer | undefined;
  /** Monotonic times by which running turns and their steps must end, ms; set by a drain. */
  #turnsUntilMs: number | undefined;
  #stepsUntilMs: number | undefined;
  /** Trace that moves belong to: that of the drain. */
  #traceparent: string | undefined;
  #moved: Moved | undefined;
  #closed = false;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
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
   * @param turnsUntilMs monotonic time from which a running turn takes no further step, ms
   * @param stepsUntilMs monotonic time by which the step under way must end, ms
   * @returns what it moves, kept up to date
   */
  drain(turnsUntilMs: number, stepsUntilMs: number, traceparent: string | undefined): Moved {
    this.#turnsUntilMs = turnsUntilMs;
    this.#stepsUntilMs = stepsUntilMs;
    this.#traceparent = traceparent;
    this.#moved = { agents: 0, messages: 0, pausesMs: [] };
    return this.#moved;
  }

  /** Starts no further moves. */
  close(): void {
    this.#closed = true;
    this.#stopWatch();
    this.#retry?.cancel();
  }

  /** Cargo that came for a shard that is this node's from this record on; given once. */
  unload(shard: ShardRecord): Cargo | undefined {
    const key = shardKey(shard);
    const staged = this.#staged.get(key);
    if (staged === undefined || staged.epoch > shard.epoch) return undefined;
    this.#staged.delete(key);
    return staged.epoch === shard.epoch ? staged.cargo : undefined;
  }

  #look(): void {
    if (this.#closed) return;
    const { map, self, tenant, router } = this.#parts;
    const due = map
      .shards()
      .filter((shard) => sameNode(shard.owner, self) && shard.target !== undefined && !sameNode(shard.target, self))
      .filter((shard) => !this.#moving.has(shardKey(shard)) && map.isAlive(shard.target as NodeRef));
    // A line that isn't open yet must first hear from the owner before this one, or lines could wait for each other.
    const waits = (shard: ShardRecord): boolean => this.#resting.has(shardKey(shard)) || this.#hasLongTurn(shard);
    const ready = due.filter((shard) => !waits(shard) && router.line(shard).open);
    if (ready.length < due.length) this.#lookAgain();
    ready.sort((a, b) => tenant.value(b) - tenant.value(a));
    for (const shard of ready.slice(0, Math.max(0, HANDOVERS_MAX - this.#moving.size))) {
      void this.#run(shard, shard.target as NodeRef);
    }
  }

  #hasLongTurn(shard: ShardRecord): boolean {
    const { clock, tenant } = this.#parts;
    return clock.monotonic() < (this.#turnsUntilMs ?? Number.POSITIVE_INFINITY) && tenant.turnMs(shard) > LONG_TURN_MS;
  }

  #lookAgain(): void {
    this.#retry ??= this.#parts.clock.schedule(RETRY_MS, () => {
      this.#retry = undefined;
      this.#resting.clear();
      this.#look();
    });
  }

  /** Never rejects. */
  async #run(shard: ShardRecord, target: NodeRef): Promise<void> {
    const key = shardKey(shard);
    this.#moving.add(key);
    const { tracer, logger, self } = this.#parts;
    const attributes = { 'troupe.shard': key, 'troupe.from': self.node, 'troupe.to': target.node };
    try {
      await traced(tracer, 'agent.migrate', { parent: this.#traceparent, attributes }, () => this.#move(shard, target));
    } catch (error) {
      logger.warn('shard not moved', { shard: key, to: target.node, error: errorMessage(error) });
      this.#resting.add(key);
    }
    this.#moving.delete(key);
    this.#look();
  }

  async #move(shard: ShardRecord, target: NodeRef): Promise<void> {
    const { clock, router, tenant, peers, coordinator } = this.#parts;
    const id: ShardId = { group: shard.group, shard: shard.shard };
    const moved = this.#moved;
    const startedAt = clock.monotonic();
    router.line(id).freeze();
    const turnsUntilMs = this.#turnsUntilMs ?? startedAt + TURN_MS_MAX;
    const cargo = await tenant.release(id, turnsUntilMs, this.#stepsUntilMs ?? turnsUntilMs + STEP_MS_MAX);
    const name = { ...id, epoch: shard.epoch + 1 };
    let asked = false;
    try {
      await peers.request(target, 'bulk', 'handover', 'stage', encodePayload({ ...name, cargo }), STAGE_TIMEOUT_MS);
      asked = true;
      await coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: shard.epoch }], to: target });
    } catch (error) {
      if (!asked || (await this.#isStillOurs(shard))) this.#putBack(shard, cargo, target);
      throw error;
    }
    const active = peers.request(target, 'system', 'handover', 'active', encodePayload(name), ACTIVE_TIMEOUT_MS);
    await active.catch((error) => this.#parts.logger.debug('new owner not heard', { error: errorMessage(error) }));
    if (moved === undefined) return;
    const pauseMs = clock.monotonic() - startedAt;
    moved.agents += cargo.agents.length;
    for (const agent of cargo.agents) {
      moved.messages += agent.messages.length;
      moved.pausesMs.push(pauseMs);
    }
  }

  /** After a failed transfer: it may have been done all the same, and then nothing here may act for the shard again. */
  async #isStillOurs(shard: ShardRecord): Promise<boolean> {
    const { coordinator, clock, self } = this.#parts;
    while (!this.#closed) {
      try {
        const { shards } = await coordinator.query('cluster.view', {});
        const now = shards.find((record) => shardKey(record) === shardKey(shard));
        return now?.epoch === shard.epoch && sameNode(now.owner, self);
      } catch {
        await delay(clock, RETRY_MS);
      }
    }
    return false;
  }

  #putBack(shard: ShardRecord, cargo: Cargo, target: NodeRef): void {
    const { map, router, tenant, peers } = this.#parts;
    const now = map.shard(shard);
    // Given up by the cluster meanwhile: whoever asked asks the next owner.
    if (now?.epoch !== shard.epoch || !sameNode(now.owner, this.#parts.self)) return;
    tenant.load(shard, cargo);
    router.line(shard).thaw();
    // Should the target ever own the shard after this node's death, what was answered here must not come up again there.
    const name = encodePayload({ group: shard.group, shard: shard.shard, epoch: shard.epoch + 1 });
    peers.request(target, 'bulk', 'handover', 'unstage', name, STAGE_TIMEOUT_MS).catch(() => undefined);
  }

  async #serve(method: string, payload: Uint8Array): Promise<Uint8Array> {
    const request = decodePayload(payload) as ShardId & { readonly epoch: number; readonly cargo: Cargo };
    const { epoch, cargo } = request;
    if (method === 'stage') {
      this.#expire();
      this.#staged.set(shardKey(request), { epoch, cargo, atMs: this.#parts.clock.monotonic() });
    } else if (method === 'unstage') {
      if (this.#staged.get(shardKey(request))?.epoch === epoch) this.#staged.delete(shardKey(request));
    } else {
      await this.#owns(request, epoch);
    }
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

  #expire(): void {
    const before = this.#parts.clock.monotonic() - STAGED_MS_MAX;
    for (const [key, staged] of this.#staged) if (staged.atMs < before) this.#staged.delete(key);
  }
}
