import { type Clock, systemClock } from '../../core/index.ts';

/** A sync in line that took longer than this shows that the disk is slow, ms. */
const QUICK_MS = 8;
/** More than this to be synced goes away from this thread at once, bytes. */
const IN_LINE_BYTES_MAX = 256 * 1024;
/** Syncs made away from this thread, none of them long, before one is tried in line again. */
const AWAY_MAX = 64;
/** One that took longer away from this thread would be felt in line: by heartbeats, ms. */
const LONG_MS = 40;

/**
 * Decides where the log's syncs are made. In the thread pool, a sync of 0.1 ms costs two changes of thread, several times its own
 * time when the machine is busy; in line it holds up the loop for as long as the disk takes. So syncs that may block are made
 * in line while they are quick, and away from this thread for a while after one that wasn't. A disk that turns slow holds up
 * the loop once, however long it stays so.
 */
export class SyncPace {
  readonly #clock: Clock;
  #away = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * @param bytes what was written since the last sync
   * @param mayBlock whether nothing else waits to be written
   * @param inLine syncs now
   * @param away syncs in the thread pool; both throw or reject when the sync failed
   */
  async sync(bytes: number, mayBlock: boolean, inLine: () => void, away: () => Promise<void>): Promise<void> {
    if (!mayBlock || bytes > IN_LINE_BYTES_MAX) return away();
    if (this.#away > 0) {
      const start = this.#clock.monotonic();
      await away();
      this.#away = this.#clock.monotonic() - start > LONG_MS ? AWAY_MAX : this.#away - 1;
      return;
    }
    const start = this.#clock.monotonic();
    inLine();
    if (this.#clock.monotonic() - start > QUICK_MS) this.#away = AWAY_MAX;
  }
}
