import type { ShardRecord } from '../coordinator/index.ts';
import { type Clock, Deque, type NodeRef, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { sameNode } from './view.ts';

/** Messages that one shard may hold back on one node while its home changes. */
const HELD_MESSAGES_MAX = 20_000;

/** What a line needs of its surroundings. */
export interface LineExits {
  readonly self: NodeRef;
  readonly clock: Clock;
  isAlive(node: NodeRef): boolean;
  /** Hands a message to the agents of this node. */
  deliver(envelope: Envelope): void | Promise<void>;
  /** Sends to the owner. Throws NODE_UNAVAILABLE when its life is over. Resolves when there is room for more. */
  forward(to: NodeRef, envelope: Envelope): void | Promise<void>;
  /** Resolves when everything sent to `via` before has reached `shard`'s new home; never rejects. */
  barrier(via: NodeRef, shard: ShardRecord): Promise<void>;
  /** Tells an asker that its message is refused. */
  refuse(envelope: Envelope, error: TroupeError): void;
}

interface Held {
  readonly envelope: Envelope;
  readonly atMs: number;
}

/**
 * The way of messages to one shard, from this node. Order per sender and receiver is kept while the shard moves: a line
 * that must change its end is closed, everything new is held, and it opens again only when what went the old way has
 * provably arrived (the old owner passes a barrier on to the new one), or the old owner is dead.
 */
export class ShardLine {
  readonly #exits: LineExits;
  readonly #held: Deque<Held> = new Deque();
  /** Where messages go; undefined while the line is closed. */
  #end: NodeRef | undefined;
  /** The end before the line closed. */
  #last: NodeRef | undefined;
  #record: ShardRecord | undefined;
  /** A frozen line stays closed until its owner changes: the shard is leaving this node. */
  #frozen = false;
  #turn = 0;

  constructor(exits: LineExits) {
    this.#exits = exits;
  }

  get record(): ShardRecord | undefined {
    return this.#record;
  }

  get held(): number {
    return this.#held.length;
  }

  /** Takes one message for the shard, from this node or another. */
  accept(envelope: Envelope): void | Promise<void> {
    const lagging = (envelope.epoch ?? 0) > (this.#record?.epoch ?? 0);
    if (this.#end === undefined || lagging) return this.#hold(envelope);
    return this.#dispatch(envelope, () => this.#hold(envelope));
  }

  /** The ledger's newest word on the shard. */
  update(record: ShardRecord): void {
    const before = this.#record;
    this.#record = record;
    if (before !== undefined && before.epoch === record.epoch && sameNode(before.owner, record.owner)) {
      if (this.#end === undefined && !this.#frozen) this.#open();
      return;
    }
    this.#frozen = false;
    this.#close();
    const turn = ++this.#turn;
    if (record.owner === undefined) return;
    const via = this.#last;
    const direct =
      via === undefined || sameNode(via, record.owner) || sameNode(via, this.#exits.self) || !this.#exits.isAlive(via);
    if (direct) this.#open();
    else
      void this.#exits.barrier(via, record).then(() => {
        if (turn === this.#turn) this.#open();
      });
  }

  /** Stops delivery on this node: everything new is held until the shard has another owner, or `thaw`. */
  freeze(): void {
    this.#frozen = true;
    this.#close();
  }

  /** The hand-over failed: deliver again. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#open();
  }

  #close(): void {
    if (this.#end !== undefined) this.#last = this.#end;
    this.#end = undefined;
  }

  #open(): void {
    const owner = this.#record?.owner;
    if (owner === undefined) return;
    this.#end = owner;
    for (let waiting = this.#held.length; waiting > 0 && this.#end !== undefined; waiting--) {
      const held = this.#held.shift() as Held;
      const envelope = aged(held, this.#exits.clock.monotonic());
      if (envelope !== undefined) void this.#dispatch(envelope, () => this.#held.unshift(held));
    }
  }

  /** @param putBack keeps the message in its place when the owner's life turns out to be over */
  #dispatch(envelope: Envelope, putBack: () => void): void | Promise<void> {
    const end = this.#end as NodeRef;
    if (sameNode(end, this.#exits.self)) return this.#exits.deliver(envelope);
    try {
      return this.#exits.forward(end, { ...envelope, epoch: this.#record?.epoch ?? 0 });
    } catch (error) {
      if (!(error instanceof TroupeError)) throw error;
      if (error.code !== 'NODE_UNAVAILABLE') return this.#exits.refuse(envelope, error);
      // The ledger will name another owner: wait for that.
      this.#close();
      putBack();
    }
  }

  #hold(envelope: Envelope): void {
    if (this.#held.length >= HELD_MESSAGES_MAX) {
      this.#exits.refuse(
        envelope,
        new TroupeError('OVERLOADED', `${HELD_MESSAGES_MAX} messages wait for a shard without a home`, {
          address: envelope.to,
        }),
      );
      return;
    }
    this.#held.push({ envelope, atMs: this.#exits.clock.monotonic() });
  }
}

/** The message with the time it waited taken off its deadline; undefined when nothing is left. */
function aged(held: Held, nowMs: number): Envelope | undefined {
  if (held.envelope.timeoutMs === undefined) return held.envelope;
  const timeoutMs = held.envelope.timeoutMs - (nowMs - held.atMs);
  return timeoutMs <= 0 ? undefined : { ...held.envelope, timeoutMs };
}
