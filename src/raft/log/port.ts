import type { Entry, HardState, LogReader, SnapshotMeta } from '../consensus/types.ts';

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
   * Appends hard state and entries (replacing a conflicting suffix). Resolves when all of it is durable; calls made
   * while a sync runs share the next one. Rejects, then and for ever after, with LOG_POISONED once a sync failed, and
   * with DISK_FULL when there is no room.
   */
  append(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void>;
  /**
   * Stores a snapshot of the state machine taken at `meta`; durable, with a checksum, when it resolves. Then entries up
   * to `meta.index - keepEntries` are dropped.
   */
  saveSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepEntries: number,
  ): Promise<void>;
  /** As saveSnapshot, for one received from the leader: the whole log restarts at `meta.index`. */
  installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The newest snapshot's bytes in chunks of at most 64 KiB; throws SNAPSHOT_CORRUPT when the checksum differs. */
  readSnapshot(index: number): AsyncIterable<Uint8Array>;
  /** Waits for what is under way and closes the files. */
  close(): Promise<void>;
}
