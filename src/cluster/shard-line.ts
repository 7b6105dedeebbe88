import type { ShardRecord } from '../coordinator/index.ts';
import { type Clock, Deque, type NodeRef, TroupeError } from '../core/index.ts';
import type { Envelope } from '../remote/index.ts';
import { sameNode } from './view.ts';

/** Messages that one shard may hold back on one node while its home changes. */
const HELD_MESSAGES_MAX = 20_000;
/** Their payloads together, bytes. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** What a line needs of its surroundings. */
export interface LineExits {
  readonly self: NodeRef;
  readonly clock: Clock;
  /** Hands a message to the agents of this node. */
  deliver(envelope: Envelope): void | Promise<void>;
  /** Sends to the owner. Throws NODE_UNAVAILABLE when its life is over. Resolves when there is room for more. */
  forward(to: NodeRef, envelope: Envelope): void | Promise<void>;
  /**
   * Resolves when nothing that was sent can reach an owner any more after what is sent to the newest one now; never rejects.
   *
   * @param way where messages went last, then every owner since; may grow meanwhile
   */
  flush(way: readonly NodeRef[]): Promise<void>;
  /** Tells an asker that its message is refused. */
  refuse(envelope: Envelope, error: TroupeError): void;
}

/**
 * The way of messages to one shard, from this node. Order per sender and receiver is kept while the shard moves. When the
 * shard has a new owner, a line that has sent anything to the last one closes, holds what comes, and sends a marker the old
 * way; it opens towards the new owner when the marker has come out at an owner. An owner that died on that way passes nothing on
 * once the next one knows. What an owner took before it handed over travels ahead of everything, as cargo.
 *
 * A message from another node carries the epoch that its line was open for. At the owner under that epoch it is delivered
 * at once, since nothing of its sender can still be behind. Under a later epoch than is known here it waits for the view;
 * under an older one it goes the way of this node's own messages.
 *
 * Lines can't wait for each other in a circle as long as an owner hands over only while its own line is open: whoever waits
 * does so for a node that opened under a later epoch than itself.
 */
export class ShardLine {
  readonly #exits: LineExits;
  /** Waits for the line to open. */
  readonly #held: Deque<Envelope> = new Deque();
  /** Waits for this node's view to reach the epoch that it names. */
  readonly #ahead: Deque<Envelope> = new Deque();
  #heldBytes = 0;
  /** Where messages go; undefined while the line is closed. */
  #end: NodeRef | undefined;
  /** Where messages went last, while some of them may still be on their way, and every owner since. */
  #way: NodeRef[] = [];
  #record: ShardRecord | undefined;
  /** A frozen line stays closed until its owner changes: the shard is leaving this node. */
  #frozen = false;
  /** The marker under way; a new object for each. */
  #marker: object | undefined;

  constructor(exits: LineExits) {
    this.#exits = exits;
  }

  get record(): ShardRecord | undefined {
    return this.#record;
  }

  /** Messages that wait here. */
  get held(): number {
    return this.#held.length + this.#ahead.length;
  }

  /** Whether messages pass. Only then may an owner hand the shard over. */
  get open(): boolean {
    return this.#end !== undefined;
  }

  /** Takes one message for the shard, from this node or another. */
  accept(envelope: Envelope): void | Promise<void> {
    const epoch = envelope.epoch ?? 0;
    const known = this.#record?.epoch ?? 0;
    if (epoch > known) return this.#hold(this.#ahead, envelope);
    const owned = sameNode(this.#record?.owner, this.#exits.self);
    if (epoch === known && owned && !this.#frozen) return this.#exits.deliver(envelope);
    if (this.#end === undefined) return this.#hold(this.#held, envelope);
    return this.#dispatch(envelope);
  }

  /** The ledger's newest word on the shard. An older one is ignored. */
  update(record: ShardRecord): void {
    const before = this.#record;
    if (before !== undefined && record.epoch < before.epoch) return;
    this.#record = record;
    if (before?.epoch === record.epoch && sameNode(before.owner, record.owner)) return;
    this.#frozen = false;
    this.#end = undefined;
    // With the owner's death the marker may be lost too.
    if (record.owner === undefined) this.#marker = undefined;
    else {
      if (this.#way.length > 0) this.#way.push(record.owner);
      if (this.#marker === undefined) this.#flush();
    }
    for (let waiting = this.#ahead.length; waiting > 0; waiting--) {
      const envelope = this.#take(this.#ahead);
      if (envelope !== undefined) void this.accept(envelope);
    }
  }

  /** Stops delivery on this node: everything new is held until the shard has another owner, or `thaw`. */
  freeze(): void {
    this.#frozen = true;
    this.#end = undefined;
  }

  /** The hand-over failed: deliver again. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#open();
  }

  #flush(): void {
    const marker = {};
    this.#marker = marker;
    const arrived = (): void => {
      if (this.#marker !== marker) return;
      this.#marker = undefined;
      this.#way = [];
      this.#open();
    };
    if (this.#way.length === 0) arrived();
    else void this.#exits.flush(this.#way).then(arrived);
  }

  #open(): void {
    const owner = this.#record?.owner;
    if (owner === undefined || this.#frozen) return;
    this.#end = owner;
    for (let waiting = this.#held.length; waiting > 0 && this.#end !== undefined; waiting--) {
      const envelope = this.#take(this.#held);
      if (envelope !== undefined) void this.#dispatch(envelope);
    }
  }

  #dispatch(envelope: Envelope): void | Promise<void> {
    const end = this.#end as NodeRef;
    if (sameNode(end, this.#exits.self)) return this.#exits.deliver(envelope);
    try {
      const room = this.#exits.forward(end, { ...envelope, epoch: this.#record?.epoch ?? 0 });
      if (this.#way.length === 0) this.#way.push(end);
      return room;
    } catch (error) {
      if (!(error instanceof TroupeError)) throw error;
      if (error.code !== 'NODE_UNAVAILABLE') return this.#exits.refuse(envelope, error);
      // The ledger will name another owner: wait for that.
      this.#end = undefined;
      this.#holdFirst(envelope);
    }
  }

  #hold(queue: Deque<Envelope>, envelope: Envelope): void {
    if (this.held < HELD_MESSAGES_MAX && this.#heldBytes < HELD_BYTES_MAX) {
      this.#heldBytes += envelope.payload.byteLength;
      queue.push(this.#dated(envelope));
      return;
    }
    const reason = `${HELD_MESSAGES_MAX} messages or ${HELD_BYTES_MAX} bytes wait for a shard that has no home now`;
    this.#exits.refuse(envelope, new TroupeError('OVERLOADED', reason, { address: envelope.to }));
  }

  /** Keeps the place of a message that was about to leave. */
  #holdFirst(envelope: Envelope): void {
    this.#heldBytes += envelope.payload.byteLength;
    this.#held.unshift(this.#dated(envelope));
  }

  /** While it waits here its time runs. */
  #dated(envelope: Envelope): Envelope {
    const { timeoutMs, sinceMs } = envelope;
    if (timeoutMs === undefined || sinceMs !== undefined) return envelope;
    return { ...envelope, sinceMs: this.#exits.clock.monotonic() };
  }

  /** The next message, with the time it waited taken off its deadline; undefined when nothing of that is left. */
  #take(queue: Deque<Envelope>): Envelope | undefined {
    const envelope = queue.shift() as Envelope;
    const { timeoutMs, sinceMs } = envelope;
    this.#heldBytes -= envelope.payload.byteLength;
    if (timeoutMs === undefined || sinceMs === undefined) return envelope;
    const left = timeoutMs - (this.#exits.clock.monotonic() - sinceMs);
    return left <= 0 ? undefined : { ...envelope, timeoutMs: left, sinceMs: undefined };
  }
}
