import { Deque, type NodeId } from '../../core/index.ts';

/** A read that waits: who asked, under which context of theirs, and the commit index it must see. */
export interface PendingRead {
  readonly from: NodeId;
  readonly context: number;
  readonly index: number;
  readonly round: number;
}

/**
 * Linearizable reads without a log entry (ReadIndex, Raft dissertation section 6.4), in rounds: a read notes the commit
 * index and joins the next round of heartbeats; once a quorum has answered that round or a later one, no newer leader
 * can have committed anything before the read came, so the noted index is enough.
 *
 * Rounds are numbered within one leadership, and an answer counts for its own round and those before it only, so answers
 * that are late or repeated can't release a read that came after their heartbeat left.
 */
export class ReadRounds {
  readonly #readsMax: number;
  #held: { readonly from: NodeId; readonly context: number }[] = [];
  readonly #waiting: Deque<PendingRead> = new Deque();
  #round = 0;
  #due = false;

  /** @param readsMax reads that may wait at once */
  constructor(readsMax: number) {
    this.#readsMax = readsMax;
  }

  /** The latest round that was started. */
  get round(): number {
    return this.#round;
  }

  /** Whether reads wait for a round that hasn't started. */
  get due(): boolean {
    return this.#due;
  }

  /**
   * Takes a read in.
   *
   * @param index the commit index, or undefined before the leader's first commit in its term: it can't know until then
   *   what its predecessors committed, so the read is held
   * @returns false when too many reads wait and this one was not taken
   */
  add(from: NodeId, context: number, index: number | undefined): boolean {
    if (this.#held.length + this.#waiting.length >= this.#readsMax) return false;
    if (index === undefined) this.#held.push({ from, context });
    else this.#join(from, context, index);
    return true;
  }

  /** The leader has committed in its term: held reads may go on. */
  release(commit: number): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const read of held) this.#join(read.from, read.context, commit);
  }

  /** Starts the round that the newest reads wait for. @returns its number */
  start(): number {
    this.#due = false;
    return ++this.#round;
  }

  /** Takes out the next read that a quorum's answers to `round` settle; undefined when there is none. */
  take(round: number): PendingRead | undefined {
    const first = this.#waiting.peek();
    return first !== undefined && first.round <= round ? this.#waiting.shift() : undefined;
  }

  #join(from: NodeId, context: number, index: number): void {
    this.#waiting.push({ from, context, index, round: this.#round + 1 });
    this.#due = true;
  }
}

/**
 * The reads that a follower has sent on to its leader. On the wire each has a number of its own that starts at random, so
 * that an answer meant for an earlier life of this node is not taken for one of today's. Past the limit the oldest gives
 * way: its message or its answer was lost.
 */
export class ForwardedReads {
  readonly #readsMax: number;
  readonly #contexts: Map<number, number> = new Map();
  #next: number;

  /**
   * @param readsMax reads that may wait at once
   * @param first where the numbers start, drawn at random
   */
  constructor(readsMax: number, first: number) {
    this.#readsMax = readsMax;
    this.#next = first;
  }

  /** Notes a read and gives its number on the wire. */
  add(context: number): number {
    for (const oldest of this.#contexts.keys()) {
      if (this.#contexts.size < this.#readsMax) break;
      this.#contexts.delete(oldest);
    }
    const wire = this.#next++;
    this.#contexts.set(wire, context);
    return wire;
  }

  /** The caller's context of an answered read, once; undefined when it isn't waited for. */
  take(wire: number): number | undefined {
    const context = this.#contexts.get(wire);
    this.#contexts.delete(wire);
    return context;
  }

  /** Forgets every read: the leader they were sent to is gone. */
  clear(): void {
    this.#contexts.clear();
  }
}
