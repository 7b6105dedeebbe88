import { Deque } from '../../core/index.ts';

/**
 * A leader's lease (Raft dissertation, section 6.4.1): who answers a heartbeat with a grant won't vote for an election
 * time-out, so while a quorum's grants are young no newer leader can exist, and reads need no round of their own.
 *
 * A lease counts from when its heartbeat was sent, not from when it was answered, and ends well before the promise does: see
 * `leaseTicks` in RaftOptions for what that bears. It is void after a pause, and ends with the first command to take the
 * leadership over, as a forced election asks for no promise.
 */
export class Lease {
  readonly #ticks: number;
  /** The first round of heartbeats of each recent tick. */
  readonly #sent: Deque<{ readonly round: number; readonly tick: number }> = new Deque();
  #lastTick = -1;
  #start = Number.NEGATIVE_INFINITY;
  #ended = false;

  /** @param ticks how long a lease lasts; 0 for none at all */
  constructor(ticks: number) {
    this.#ticks = ticks;
  }

  /** Whether heartbeats ask for grants. */
  get wanted(): boolean {
    return this.#ticks > 0 && !this.#ended;
  }

  /** A round of heartbeats leaves. */
  sent(round: number, tick: number): void {
    if (!this.wanted || tick === this.#lastTick) return;
    this.#lastTick = tick;
    this.#sent.push({ round, tick });
    // What was sent before could not make a lease any more.
    while ((this.#sent.peek()?.tick ?? tick) <= tick - this.#ticks) this.#sent.shift();
  }

  /** A quorum has granted the lease for `round` and all before it. */
  granted(round: number): void {
    for (let first = this.#sent.peek(); first !== undefined && first.round <= round; first = this.#sent.peek()) {
      this.#start = first.tick;
      this.#sent.shift();
    }
  }

  /** Whether it holds in this tick. */
  holds(tick: number): boolean {
    return tick - this.#start < this.#ticks;
  }

  /** Time may have passed uncounted: only heartbeats to come make a lease again. */
  void(): void {
    this.#start = Number.NEGATIVE_INFINITY;
    while (this.#sent.shift() !== undefined) {}
  }

  /** No lease any more in this leadership. */
  end(): void {
    this.#ended = true;
    this.void();
  }
}
