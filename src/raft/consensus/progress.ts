import { invariant, type NodeId } from '../../core/index.ts';
import { CatchUp } from './catch-up.ts';
import { Inflights } from './inflights.ts';

/**
 * What a leader knows of one member (the design of etcd-io/raft):
 * - `probe`: where its log agrees is being looked for; one message, then silence until an answer or a heartbeat's
 * - `replicate`: appends are pipelined, `next` runs ahead of the answers
 * - `snapshot`: it is fetching a snapshot; no appends until it has one that reaches the log
 *
 * Always `match < next`.
 */
export class Progress {
  readonly id: NodeId;
  readonly inflights: Inflights;
  readonly catchUp: CatchUp;
  #state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  #match = 0;
  #sentCommit = 0;
  /** `match` at the last heartbeat, and whether nothing came in between although it has not all. */
  #watched = 0;
  #stalled = false;
  #next: number;
  /** In `snapshot`: where the first snapshot lies that was named to it. */
  #named = 0;
  /** In `probe`: one message is out, wait. In `snapshot`: the snapshot was named, wait. */
  waiting = false;
  /** Send an append even when there is nothing new: an answer may have been lost. */
  nudge = false;
  /** Heard from since the last check of the quorum. */
  active = false;
  /** And before that check. */
  activeBefore = false;
  /** Last round of heartbeats it answered; see ReadRounds. */
  readRound = 0;
  /** Last round of heartbeats for which it granted a lease; see Lease. */
  leaseRound = 0;

  /** @param next index of the first entry to send; the leader's last index + 1 at an election */
  constructor(id: NodeId, next: number, messagesMax: number, bytesMax: number, catchUpBytes: number) {
    this.id = id;
    this.#next = next;
    this.inflights = new Inflights(messagesMax, bytesMax);
    this.catchUp = new CatchUp(catchUpBytes);
  }

  get state(): 'probe' | 'replicate' | 'snapshot' {
    return this.#state;
  }

  /** The highest index known to be durable on the member and equal to the leader's. */
  get match(): number {
    return this.#match;
  }

  /** Index of the next entry to send. */
  get next(): number {
    return this.#next;
  }

  /** Commit index that it was told of. */
  get sentCommit(): number {
    return this.#sentCommit;
  }

  /** Whether nothing may be sent for now. */
  get paused(): boolean {
    return this.#state === 'replicate' ? this.inflights.full : this.waiting;
  }

  /** Entries after this one are what the member needs next: it has what is before, or gets it with a snapshot. */
  get needsAfter(): number {
    return this.#state === 'snapshot' ? this.#named : this.#match;
  }

  /** The member holds the log up to `index`. Old news changes nothing: `match` only grows. */
  matched(index: number): void {
    if (index > this.#match) this.#match = index;
    this.#next = Math.max(this.#next, this.#match + 1);
    this.inflights.freeTo(index);
    if (this.#state === 'probe') this.waiting = false;
    this.#check();
  }

  /** It was told that the log is committed up to `commit`. */
  told(commit: number): void {
    this.#sentCommit = Math.max(this.#sentCommit, commit);
  }

  /** A heartbeat leaves; the log ends at `lastIndex`. */
  watch(lastIndex: number): void {
    this.#stalled = this.#match === this.#watched && this.#match < lastIndex;
    this.#watched = this.#match;
  }

  /** It answered a heartbeat. If its other answers are missing, one more append goes out to learn what it has. */
  lives(): void {
    if (this.#state === 'probe') this.waiting = false;
    if (!this.#stalled) return;
    this.#stalled = false;
    if (this.#state === 'replicate' && this.inflights.full) this.inflights.freeFirst();
    this.nudge = true;
  }

  /** Entries up to `last` were sent in `replicate`; `next` moves on before the answer. */
  sent(last: number, bytes: number): void {
    invariant(this.#state === 'replicate' && last >= this.#next, 'only replicate runs ahead of answers');
    this.#next = last + 1;
    this.inflights.add(last, bytes);
  }

  /**
   * The member refused an append after index `rejected` and hints that logs may agree at `hint`.
   *
   * @returns false when the refusal is old and says nothing
   */
  rejected(rejected: number, hint: number): boolean {
    if (this.#state === 'replicate') {
      if (rejected <= this.#match) return false;
      this.probe();
      return true;
    }
    if (this.#state === 'snapshot' || rejected !== this.#next - 1) return false;
    this.#next = Math.max(Math.min(rejected, hint + 1), this.#match + 1);
    this.waiting = false;
    this.#check();
    return true;
  }

  /** Looks again for where the logs agree. */
  probe(): void {
    this.#enter('probe', this.#match + 1);
  }

  /** The logs agree at `match`: pipeline from there. */
  replicate(): void {
    this.#enter('replicate', this.#match + 1);
  }

  /** A snapshot at `index` was named to the member. */
  snapshot(index: number): void {
    // One named later may go unheard while it fetches this one.
    if (this.#state !== 'snapshot') this.#named = index;
    this.#enter('snapshot', Math.max(index, this.#match) + 1);
    this.waiting = true;
  }

  #enter(state: 'probe' | 'replicate' | 'snapshot', next: number): void {
    this.#state = state;
    this.#next = next;
    this.waiting = false;
    this.inflights.clear();
    this.#check();
  }

  #check(): void {
    invariant(this.#next > this.#match, 'next must stay above match');
  }
}
