import { errorMessage, isTroupeError } from '../../core/index.ts';
import type { LogContext } from './context.ts';
import { snapshotIndex, takeSnapshot } from './snapshots.ts';

/** A leader's care that neither the log nor etcd's history grows without end. */
export class Trimmer {
  readonly #context: LogContext;
  readonly #compactHistory: boolean;
  #running: Promise<void> | undefined;
  /** Entries and bytes since the last snapshot. */
  #entries = 0;
  #bytes = 0;
  /** Revision of the last trim: at the next, etcd may forget what is older. */
  #trimmedAt = 0;

  /** @param compactHistory whether etcd is told to forget old revisions */
  constructor(context: LogContext, compactHistory: boolean) {
    this.#context = context;
    this.#compactHistory = compactHistory;
  }

  /** A term begins. */
  async begin(): Promise<void> {
    this.#entries = this.#context.applier.index - (await snapshotIndex(this.#context));
    this.#bytes = 0;
  }

  /** Entries were written in a term: takes a snapshot when there are enough. */
  wrote(entries: number, bytes: number, term: number): void {
    const { limits, logger } = this.#context;
    this.#entries += entries;
    this.#bytes += bytes;
    const due = this.#entries >= limits.snapshotEveryEntries || this.#bytes >= limits.snapshotEveryBytes;
    if (!due || this.#running !== undefined) return;
    this.trim(term).catch((error) => logger.warn('no snapshot could be stored', { error: errorMessage(error) }));
  }

  /** Takes a snapshot and trims the log behind it, or joins in what is under way. @throws TroupeError NOT_LEADER, TIMEOUT */
  trim(term: number): Promise<void> {
    this.#running ??= this.#trim(term).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #trim(term: number): Promise<void> {
    const { etcd, limits } = this.#context;
    this.#entries = 0;
    this.#bytes = 0;
    const revision = await takeSnapshot(this.#context, term);
    const forget = this.#trimmedAt;
    this.#trimmedAt = revision;
    if (!this.#compactHistory || forget === 0) return;
    try {
      await etcd.compact(forget, limits.answerMs);
    } catch (error) {
      // Somebody else had etcd forget more than that.
      if (!isTroupeError(error, 'NOT_FOUND')) throw error;
    }
  }
}
