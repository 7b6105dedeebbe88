import type { Entry, HardState, LogReader, SnapshotMeta } from '../consensus/index.ts';

/** What a log directory held when it was opened. */
export interface Recovered {
  readonly hardState: HardState | undefined;
  readonly snapshot: SnapshotMeta | undefined;
}

/**
 * The durable log of one voter: entries, hard state and snapshots. Reading is synchronous and sees what was
 * appended even before it is durable; only `sync` makes it durable.
 */
export interface RaftLog extends LogReader {
  readonly recovered: Recovered;
  /**
   * Appends hard state and entries (replacing a conflicting suffix), the hard state first. Resolves, in the order of the
   * calls, when all of it is durable; calls made while a sync runs share the next one. A hard state that changes nothing
   * but the commit index is written with the next append. Rejects, then and for ever after, with LOG_POISONED once a
   * sync failed, or with DISK_FULL when there was no room.
   *
   * @param atOnce whether nothing that was sent in this turn should leave first; default false
   */
  append(hardState: HardState | undefined, entries: readonly Entry[], atOnce?: boolean): Promise<void>;
  /**
   * Stores a snapshot of the state machine taken at `meta`; durable, with a checksum, when it resolves. Then entries up
   * to `meta.index - keepEntries` are dropped.
   */
  saveSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepEntries: number,
  ): Promise<void>;
  /**
   * Stores the bytes of a snapshot received from the leader, durably, without making it part of the log yet. The log keeps one;
   * the next takes its place.
   */
  stageSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Makes the staged snapshot the newest: the whole log restarts after `meta.index`. @throws TroupeError NOT_FOUND */
  installSnapshot(meta: SnapshotMeta): Promise<void>;
  /**
   * A snapshot's bytes in chunks of at most 64 KiB; the newest two are kept.
   * @throws TroupeError NOT_FOUND, SNAPSHOT_CORRUPT when a checksum differs
   */
  readSnapshot(index: number): AsyncIterable<Uint8Array>;
  /** Waits for what is under way, makes all durable and closes the files. */
  close(): Promise<void>;
}
