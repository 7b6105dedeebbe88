import type { Coordinator, DrainAccount, ShardRecord } from '../coordinator/index.ts';
import {
  type Clock,
  delay,
  errorMessage,
  isTroupeError,
  type Logger,
  type NodeRef,
  settlesWithin,
  type Tracer,
  traced,
} from '../core/index.ts';
import type { Links } from '../remote/index.ts';
import type { NodeActors } from './actors/node-actors.ts';
import type { DrainTimes, Handover, Moved } from './handover.ts';
import { type ClusterMap, sameNode } from './view.ts';

/** Part of the deadline kept for leaving: running turns end this long before it, ms. Default of the design. */
export const DRAIN_MARGIN_MS = 5_000;
/** Time for what was forwarded and answered to reach its receivers, before the others are told that this node is gone, ms. */
const FLUSH_MS = 1_000;
/** Time for actors that aren't agents to stop: they don't move, they end here, ms. */
const STOP_MS = 300;
/** Longest that the hand-over of leadership holds the drain up, ms. */
const LEADERSHIP_MS = 2_000;
/** Least time that a word to the ledger gets, however late it is, ms: a notice may come with no time left. */
const SAY_MS_MIN = 1_000;
/** Part of the deadline kept for saying that this node leaves, ms. */
const LEAVE_MS = 1_000;
/** Time for the next nodes of agents to take over what those are subscribed to, ms. */
const RELAYS_MS = 5_000;
/** How often emptiness is looked at, ms. */
const LOOK_MS = 10;
/** Pause before the ledger is told again that the node stays, ms. */
const RETRY_MS = 500;

/** What a drain is made of. */
export interface DrainParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly handover: Handover;
  readonly coordinator: Coordinator;
  readonly links: Links;
  readonly actors: Pick<NodeActors, 'stop'>;
  /** Hands Raft leadership over when this node leads. */
  readonly transferLeadership: () => Promise<void>;
  /** The drain was taken back, and the ledger knows: called in the same breath in which that becomes final. */
  readonly onStay?: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracer: Tracer;
}

/** Why and how fast. */
export interface DrainOptions {
  readonly reason: string;
  /** Time until the machine is gone, ms from now. */
  readonly deadlineMs: number;
  readonly traceparent?: string | undefined;
}

/** By when what must be done, monotonic ms. */
interface Deadline extends DrainTimes {
  /** No shard moves after this. */
  readonly movesUntilMs: number;
  /** The machine is gone. */
  readonly goneAtMs: number;
}

function deadlineIn(deadlineMs: number, nowMs: number): Deadline {
  const goneAtMs = nowMs + deadlineMs;
  const turnsUntilMs = goneAtMs - Math.min(DRAIN_MARGIN_MS, deadlineMs / 3);
  const movesUntilMs = goneAtMs - Math.min(LEAVE_MS, deadlineMs / 10);
  return { goneAtMs, turnsUntilMs, movesUntilMs, stepsUntilMs: (turnsUntilMs + movesUntilMs) / 2 };
}

/**
 * Leaves on purpose, inside a deadline: the ledger marks the node draining, leadership goes first, then every shard, most
 * valuable first. What isn't moved in time is left to its journals. It may be hurried while it runs, and taken back until the node is
 * empty.
 */
export class Drain {
  /** The account, once the node is `left`; undefined when it stays. Rejects when the ledger can't be told. */
  readonly account: Promise<DrainAccount | undefined>;
  readonly #parts: DrainParts;
  #reason: string;
  #deadline: Deadline;
  /** Nobody wants it any more. */
  #unwanted = false;

  constructor(parts: DrainParts, options: DrainOptions) {
    const { self, tracer, clock } = parts;
    this.#parts = parts;
    this.#reason = options.reason;
    this.#deadline = deadlineIn(Math.max(0, options.deadlineMs), clock.monotonic());
    const attributes = {
      'troupe.node': self.node,
      'troupe.reason': options.reason,
      'troupe.deadline_ms': options.deadlineMs,
    };
    this.account = traced(tracer, 'node.drain', { root: true, parent: options.traceparent, attributes }, (span) =>
      this.#run(span.traceparent),
    );
  }

  /** It is wanted by then, or still: a deadline that is later than the one it has changes nothing, unless it was taken back. */
  hurry({ reason, deadlineMs }: DrainOptions): void {
    const deadline = deadlineIn(Math.max(0, deadlineMs), this.#parts.clock.monotonic());
    if (!this.#unwanted && deadline.goneAtMs >= this.#deadline.goneAtMs) return;
    this.#unwanted = false;
    this.#reason = reason;
    this.#deadline = deadline;
  }

  /** It isn't wanted any more: what has moved has moved, the node keeps the rest. Too late once it is empty, or out of time. */
  takeBack(): void {
    this.#unwanted = true;
  }

  async #run(traceparent: string | undefined): Promise<DrainAccount | undefined> {
    const { handover, clock } = this.#parts;
    const startedAt = clock.monotonic();
    const moved = handover.drain(() => this.#deadline, traceparent);
    await this.#mark();
    await this.#handLeadershipOver();
    while (!(await this.#empty())) {
      if (await this.#stay()) return undefined;
      await this.#mark();
    }
    handover.close();
    return this.#leave(moved, startedAt);
  }

  async #mark(): Promise<void> {
    const { self, coordinator } = this.#parts;
    // The ledger counts in whole milliseconds.
    const drainMs = Math.max(0, Math.floor(this.#deadline.goneAtMs - this.#parts.clock.monotonic()));
    const mark = { ...self, state: 'draining', drainMs, reason: this.#reason } as const;
    await coordinator.execute('node.mark', mark, this.#inTime(this.#deadline.turnsUntilMs));
  }

  /** Leadership first; a transfer that fails or hangs costs the others an election, not the drain. */
  async #handLeadershipOver(): Promise<void> {
    const { clock, logger, transferLeadership } = this.#parts;
    const gone = await settlesWithin(clock, LEADERSHIP_MS, transferLeadership()).catch(errorMessage);
    if (gone !== true) logger.warn('leadership not handed over', { error: gone || `not within ${LEADERSHIP_MS} ms` });
  }

  /** Waits until nothing is left to move, or no time. @returns false when it is taken back before */
  async #empty(): Promise<boolean> {
    const { handover, clock } = this.#parts;
    const busy = (): boolean => !this.#marked() || this.#owned().length > 0 || handover.moving > 0;
    while (busy() && clock.monotonic() < this.#deadline.movesUntilMs) {
      if (this.#unwanted) return false;
      await delay(clock, LOOK_MS);
    }
    return true;
  }

  /** The node stays, and the ledger hears it. @returns false when it is to leave after all */
  async #stay(): Promise<boolean> {
    const { self, coordinator, clock, logger, handover, onStay } = this.#parts;
    for (let told = false; this.#unwanted && !told; ) {
      try {
        await coordinator.execute('node.mark', { ...self, state: 'up', expect: 'draining' }).catch(settled);
        const moves = this.#owned()
          .filter(({ target }) => target !== undefined)
          .map(({ group, shard, epoch }) => ({ group, shard, epoch }));
        if (moves.length > 0) await coordinator.execute('shards.place', { moves });
        told = true;
      } catch (error) {
        logger.warn('drain not taken back yet', { error: errorMessage(error) });
        await delay(clock, RETRY_MS);
      }
    }
    if (!this.#unwanted) return false;
    logger.info('drain taken back', { shardsLeft: this.#owned().length });
    handover.stay();
    onStay?.();
    return true;
  }

  async #leave(moved: Moved, startedAt: number): Promise<DrainAccount> {
    const { self, coordinator, clock, logger, actors, links } = this.#parts;
    const left = this.#owned().length;
    if (left > 0) logger.warn('drain ran out of time', { shardsLeft: left });
    const pauses = moved.pausesMs.toSorted((a, b) => a - b);
    const account: DrainAccount = {
      agents: moved.agents,
      messages: moved.messages,
      drainMs: Math.round(clock.monotonic() - startedAt),
      pauseMsP50: Math.round(quantile(pauses, 0.5)),
      pauseMsP99: Math.round(quantile(pauses, 0.99)),
    };
    await this.#awaitStragglers();
    await actors.stop(STOP_MS);
    await links.flush(FLUSH_MS);
    await coordinator.execute('node.leave', { ...self, account }, this.#inTime(this.#deadline.goneAtMs));
    logger.info('drained', { ...account, reason: this.#reason });
    return account;
  }

  /** Waits for messages that were on their way here when their shards went, and until none comes here first, while there is time. */
  async #awaitStragglers(): Promise<void> {
    const { handover, clock } = this.#parts;
    let come = false;
    void handover.stragglers().then(() => {
      come = true;
    });
    const relaysUntilMs = clock.monotonic() + RELAYS_MS;
    const waits = (): boolean => !come || (handover.relaying && clock.monotonic() < relaysUntilMs);
    while (waits() && clock.monotonic() < this.#deadline.movesUntilMs) await delay(clock, LOOK_MS);
  }

  /** Whether this node's view has what the ledger gave it last: nothing comes to a node that drains, but it may not know of all that came before. */
  #marked(): boolean {
    const { map, self } = this.#parts;
    const { incarnation, state } = map.node(self.node) ?? {};
    return incarnation === self.incarnation && state === 'draining';
  }

  #owned(): readonly ShardRecord[] {
    const { map, self } = this.#parts;
    return map.shards().filter((shard) => sameNode(shard.owner, self));
  }

  /** How long a word to the ledger may take. */
  #inTime(untilMs: number): { readonly timeoutMs: number } {
    return { timeoutMs: Math.max(SAY_MS_MIN, untilMs - this.#parts.clock.monotonic()) };
  }
}

/** Another has said what the node is, or its life is over: that stands. @throws the error when it says neither */
function settled(error: unknown): void {
  if (!isTroupeError(error, 'CONFLICT') && !isTroupeError(error, 'NODE_FENCED')) throw error;
}

/** Nearest-rank quantile of ascending numbers; 0 for none. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
