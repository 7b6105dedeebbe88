/** What a member that is behind is sent for each byte that the log grows: more than it grows, so that it always catches up. */
const GROWTH_SHARE = 1.5;
/** Less isn't worth a message of its own: entries are cheaper in numbers, bytes. */
const MESSAGE_BYTES_MIN = 32 * 1024;

/**
 * Rations entries that a member lacks and the others have committed without it, so that the leader and whatever machine or disk
 * is shared with the member keep their time for those who commit. The ration grows with the log, and by no less than
 * `bytesPerTick` with each tick. So at any load the member comes nearer, and one that is b bytes behind a log that grows by g each tick has
 * caught up after b / (max(bytesPerTick, 1.5 g) - g) ticks, as far as it is up to that itself. What isn't used isn't saved.
 */
export class CatchUp {
  readonly #bytesPerTick: number;
  /** Bytes that may be sent now; below 0 after a message that was larger. */
  #ration: number;
  /** What the log's growth has brought since the last tick. */
  #grown = 0;

  /** @param bytesPerTick the least that a tick brings */
  constructor(bytesPerTick: number) {
    this.#bytesPerTick = bytesPerTick;
    this.#ration = bytesPerTick;
  }

  /** The most that the next message may hold, bytes; 0 when it has to wait. */
  get bytes(): number {
    return this.#ration < MESSAGE_BYTES_MIN ? 0 : this.#ration;
  }

  /** Time passes. */
  tick(): void {
    const earned = Math.max(this.#bytesPerTick, this.#grown);
    this.#ration = Math.min(this.#ration + earned - this.#grown, earned + MESSAGE_BYTES_MIN);
    this.#grown = 0;
  }

  /** The log has grown by so many bytes. */
  grew(bytes: number): void {
    this.#ration += bytes * GROWTH_SHARE;
    this.#grown += bytes * GROWTH_SHARE;
  }

  sent(bytes: number): void {
    this.#ration -= bytes;
  }
}
