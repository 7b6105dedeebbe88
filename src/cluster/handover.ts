import type { Coordinator, ShardRecord } from '../coordinator/index.ts';
import {
  type Clock,
  errorMessage,
  isTroupeError,
  type Logger,
  type NodeRef,
  type ShardId,
  shardKey,
  type Tracer,
  traced,
} from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';
import type { Peers } from './peers.ts';
import type { Router } from './router.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Shards on the move at a time, from one node. */
const HANDOVERS_MAX = 8;
/** Time for the new owner to take the cargo, ms. */
const STAGE_TIMEOUT_MS = 10_000;
/** Time for the new owner to see that it owns the shard, ms. */
const ACTIVE_TIMEOUT_MS = 5_000;
/** Cargo that never became its receiver's is dropped after this, ms. */
const STAGED_MS_MAX = 60_000;
/** Longest that running turns may hold a move up when there is no deadline, ms. */
const TURN_MS_MAX = 5_000;
/** Pause before a failed move is tried again, ms. */
const RETRY_MS = 200;

/** What moves with a shard: its resident agents and their queued messages, in order. State is in their journals. */
export interface Cargo {
  readonly agents: readonly { readonly key: string; readonly messages: readonly Envelope[] }[];
}

/** Whoever keeps the agents of the shards. */
export interface ShardTenant {
  /** How much lives in a shard: what is most worth moving first. */
  value(shard: ShardId): number;
  /**
   * Stops the shard's agents: running turns may finish until `untilMs` (monotonic), then they are aborted at a step boundary and
   * their message stays first in line.
   */
  release(shard: ShardId, untilMs: number): Promise<Cargo>;
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

/** What moved so far, for the account of a drain. */
export interface Moved {
  agents: number;
  messages: number;
  /** One per agent: from stopped here to active there, ms. Bounded by the agents of the drain. */
  readonly pausesMs: number[];
}

/**
 * Moves shards whose ledger record names a target, live: stop, ship, transfer (epoch + 1), activate; late messages follow
 * through the line. A move that fails before the transfer puts everything back.
 */
export class Handover {
  readonly #parts: HandoverParts;
  readonly #staged: Map<string, Staged> = new Map();
  readonly #moving: Set<string> = new Set();
  readonly moved: Moved = { agents: 0, messages: 0, pausesMs: [] };
  /** Monotonic time by which running turns must end, ms; set by a drain. */
  turnsUntilMs: number | undefined;
  #traceparent: string | undefined;
  #closed = false;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
    parts.map.onChange(() => this.#look());
    parts.peers.serve('handover', (method, payload) => this.#serve(method, payload));
  }

  /** Trace that moves belong to from now on: that of a drain. */
  set traceparent(traceparent: string | undefined) {
    this.#traceparent = traceparent;
  }

  /** Shards on their way now. */
  get moving(): number {
    return this.#moving.size;
  }

  /** Starts no further moves. */
  close(): void {
    this.#closed = true;
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
    const { map, self, tenant } = this.#parts;
    const due = map
      .shards()
      .filter((shard) => sameNode(shard.owner, self) && shard.target !== undefined && !sameNode(shard.target, self))
      .filter((shard) => !this.#moving.has(shardKey(shard)) && map.isAlive(shard.target as NodeRef));
    if (due.length === 0) return;
    due.sort((a, b) => tenant.value(b) - tenant.value(a));
    for (const shard of due) {
      if (this.#moving.size >= HANDOVERS_MAX) return;
      void this.#run(shard, shard.target as NodeRef);
    }
  }

  async #run(shard: ShardRecord, target: NodeRef): Promise<void> {
    const key = shardKey(shard);
    this.#moving.add(key);
    const { tracer, logger, clock } = this.#parts;
    const attributes = { 'troupe.shard': key, 'troupe.from': this.#parts.self.node, 'troupe.to': target.node };
    try {
      await traced(tracer, 'agent.migrate', { parent: this.#traceparent, attributes }, () => this.#move(shard, target));
    } catch (error) {
      logger.warn('shard not moved', { shard: key, to: target.node, error: errorMessage(error) });
      await new Promise<void>((resolve) => clock.schedule(RETRY_MS, resolve));
    } finally {
      this.#moving.delete(key);
      this.#look();
    }
  }

  async #move(shard: ShardRecord, target: NodeRef): Promise<void> {
    const { clock, router, tenant, peers, coordinator } = this.#parts;
    const id: ShardId = { group: shard.group, shard: shard.shard };
    const line = router.line(id);
    const startedAt = clock.monotonic();
    line.freeze();
    const cargo = await tenant.release(id, this.turnsUntilMs ?? startedAt + TURN_MS_MAX);
    const name = { ...id, epoch: shard.epoch + 1 };
    try {
      await peers.request(target, 'bulk', 'handover', 'stage', encodePayload({ ...name, cargo }), STAGE_TIMEOUT_MS);
      await coordinator.execute('shards.transfer', { fences: [{ ...id, epoch: shard.epoch }], to: target });
    } catch (error) {
      // Ours still, unless the ledger says otherwise: then the mail is answered by the line or comes back from journals.
      if (!isTroupeError(error, 'STALE_EPOCH')) {
        tenant.load(id, cargo);
        line.thaw();
      }
      throw error;
    }
    await peers.request(target, 'system', 'handover', 'active', encodePayload(name), ACTIVE_TIMEOUT_MS);
    const pauseMs = clock.monotonic() - startedAt;
    this.moved.agents += cargo.agents.length;
    for (const agent of cargo.agents) {
      this.moved.messages += agent.messages.length;
      this.moved.pausesMs.push(pauseMs);
    }
  }

  async #serve(method: string, payload: Uint8Array): Promise<Uint8Array> {
    const request = decodePayload(payload) as ShardId & { readonly epoch: number; readonly cargo?: Cargo };
    if (method === 'stage') {
      this.#expire();
      this.#staged.set(shardKey(request), {
        epoch: request.epoch,
        cargo: request.cargo as Cargo,
        atMs: this.#parts.clock.monotonic(),
      });
    } else {
      await this.#owns(request, request.epoch);
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
