import { createHash } from 'node:crypto';
import type { CallOptions, Commands, JournalRecord, Queries } from '../coordinator/index.ts';
import { LEDGER_LIMITS, type LedgerLimits } from '../coordinator/index.ts';
import { TroupeError } from '../core/index.ts';

/** What an owner appends; all of it or nothing. */
export type JournalAppend = Commands['journal.append']['request'];
/** Which journal is to go, and the version that it is at. */
export type JournalDeletion = Commands['journal.delete']['request'];
/** Which journal, under which epoch. */
export type JournalPlace = Queries['journal.read']['request'];
/** Which page of a history. */
export type HistoryPage = Queries['journal.history']['request'];

/** Which page of a shard's wakes. */
export type WakesPage = Queries['journal.wakes']['request'];

/** How much a store takes. The ledger's own limits, so that a program runs on one store as on the other. */
export type JournalLimits = Pick<
  LedgerLimits,
  | 'nameCharsMax'
  | 'blobBytesMax'
  | 'journalSnapshotBytesMax'
  | 'journalRecordsMax'
  | 'journalBytesMax'
  | 'historyItemsMax'
  | 'historyBytesMax'
  | 'blobsPerJournalMax'
  | 'keptBlobBytesMax'
  | 'blobGraceMs'
  | 'pageItemsMax'
  | 'pageBytesMax'
>;

/** A store's limits unless told otherwise. */
export const JOURNAL_LIMITS: JournalLimits = LEDGER_LIMITS;

/**
 * Where agents' journals are kept. An append is one atomic write, and counts only under the epoch of its shard's present owner:
 * once anybody has read or appended under an epoch, every call under an older one of that shard is refused.
 */
export interface Journals {
  /**
   * @returns the journal's new version; durable when it resolves
   * @throws TroupeError STALE_EPOCH, JOURNAL_CONFLICT (data.version is the journal's), OVERLOADED when it needs a snapshot or its history is
   * full, MESSAGE_TOO_LARGE, NOT_FOUND (data.id) for a blob that isn't there, INVALID_ARGUMENT; TIMEOUT or NODE_UNAVAILABLE when the store gave no answer: whether
   * it was written is unknown then, and the version tells
   */
  append(request: JournalAppend, options?: CallOptions): Promise<{ readonly version: number }>;
  /**
   * The newest snapshot and what came after it; empty at version 0 for a journal that was never written.
   *
   * @throws TroupeError STALE_EPOCH, INVALID_ARGUMENT, TIMEOUT, NODE_UNAVAILABLE
   */
  read(place: JournalPlace, options?: CallOptions): Promise<JournalRecord>;
  /**
   * Items of a history in order. A page may end early for its bytes; an empty one is the end. `from` is the position of its first item.
   *
   * @throws TroupeError as `read`
   */
  history(page: HistoryPage, options?: CallOptions): Promise<Queries['journal.history']['reply']>;
  /**
   * The journals of a shard whose agents have something to do by themselves (`wake` of an append), the soonest first.
   *
   * @throws TroupeError as `read`
   */
  wakes(page: WakesPage, options?: CallOptions): Promise<Queries['journal.wakes']['reply']>;
  /**
   * Deletes a journal with its history; blobs that only it named go in time. Its versions begin anew.
   *
   * @throws TroupeError as `append`
   */
  delete(request: JournalDeletion, options?: CallOptions): Promise<void>;
}

/**
 * Values too big for a journal, by the SHA-256 of their bytes. One stays as long as a journal names it (`blobs` of an append),
 * and `blobGraceMs` after it was put or last named.
 */
export interface Blobs {
  /**
   * @returns its name, once it is durable; the same bytes again have the same name
   * @throws TroupeError MESSAGE_TOO_LARGE, OVERLOADED when there is no room, TIMEOUT, NODE_UNAVAILABLE
   */
  put(bytes: Uint8Array): Promise<string>;
  /** @throws TroupeError NOT_FOUND, BLOB_CORRUPT when its bytes have another hash, INVALID_ARGUMENT, TIMEOUT, NODE_UNAVAILABLE */
  get(id: string): Promise<Uint8Array>;
  /** @throws TroupeError INVALID_ARGUMENT, TIMEOUT, NODE_UNAVAILABLE */
  has(id: string): Promise<boolean>;
}

/** Journals and the blobs they name: one store, as an append names only blobs that are there. */
export interface JournalStore {
  readonly journals: Journals;
  readonly blobs: Blobs;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** The name of a blob: the SHA-256 of its bytes, in hexadecimal. */
export function blobId(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @returns the bytes, if they are those of that name @throws TroupeError BLOB_CORRUPT */
export function verified(id: string, bytes: Uint8Array): Uint8Array {
  if (blobId(bytes) === id) return bytes;
  throw new TroupeError('BLOB_CORRUPT', `what is kept as blob ${id} has another hash`, { address: id });
}
