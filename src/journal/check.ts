import { type Fence, TroupeError } from '../core/index.ts';
import type { HistoryPage, JournalAppend, JournalLimits, JournalPlace, WakesPage } from './port.ts';

const BLOB_ID = /^[0-9a-f]{64}$/;

/** @throws TroupeError INVALID_ARGUMENT when that is no name of a blob */
export function checkBlobId(id: string): string {
  if (BLOB_ID.test(id)) return id;
  throw new TroupeError('INVALID_ARGUMENT', 'a blob is named by its SHA-256, 64 digits in lower case');
}

/** @throws TroupeError INVALID_ARGUMENT */
export function checkPlace({ fence, key }: JournalPlace, limits: JournalLimits): void {
  checkFence(fence, limits);
  checkNames([key], limits);
}

function checkFence(fence: Fence, limits: JournalLimits): void {
  whole(fence?.epoch, 'epoch');
  whole(fence.shard, 'shard');
  checkNames([fence.group], limits);
}

function checkNames(names: readonly string[], limits: JournalLimits): void {
  for (const name of names) {
    // SQL's text can't hold a NUL.
    if (typeof name !== 'string' || name === '' || name.length > limits.nameCharsMax || !name.isWellFormed())
      throw new TroupeError('INVALID_ARGUMENT', `a name must be a text of 1 to ${limits.nameCharsMax} characters`);
    if (name.includes('\0')) throw new TroupeError('INVALID_ARGUMENT', 'a name must not have a NUL');
  }
}

/** What of an append can be judged before its journal is known. @throws TroupeError INVALID_ARGUMENT, MESSAGE_TOO_LARGE */
export function checkAppend(request: JournalAppend, limits: JournalLimits): void {
  checkPlace(request, limits);
  const { records, snapshot, history, historyFrom, blobs = [], wake } = request;
  whole(request.version, 'version');
  for (const record of records) sized(record, 'record', limits.blobBytesMax);
  for (const item of history ?? []) sized(item, 'item', limits.blobBytesMax);
  if (snapshot !== undefined) sized(snapshot, 'snapshot', limits.journalSnapshotBytesMax);
  if (historyFrom !== undefined) whole(historyFrom, 'historyFrom');
  if (wake !== undefined) whole(wake, 'wake');
  for (const id of blobs) checkBlobId(id);
  if (records.length > limits.journalRecordsMax || (history?.length ?? 0) > limits.historyItemsMax) {
    throw new TroupeError('INVALID_ARGUMENT', 'an append has too many records or items');
  }
  if (records.length === 0 && (history !== undefined || historyFrom !== undefined || wake !== undefined)) {
    throw new TroupeError('INVALID_ARGUMENT', 'history and wake change together with a record');
  }
  if (blobs.length > limits.blobsPerJournalMax) throw tooManyBlobs(limits);
}

/** @throws TroupeError INVALID_ARGUMENT */
export function checkPage(page: HistoryPage, limits: JournalLimits): void {
  checkPlace(page, limits);
  whole(page.from, 'from');
  checkLimit(page, limits);
}

/** @throws TroupeError INVALID_ARGUMENT */
export function checkWakes(page: WakesPage, limits: JournalLimits): void {
  checkFence(page.fence, limits);
  checkLimit(page, limits);
  if (page.after === undefined) return;
  whole(page.after.at, 'at');
  checkNames([page.after.key], limits);
}

function checkLimit(page: { readonly limit: number }, limits: JournalLimits): void {
  if (Number.isSafeInteger(page.limit) && page.limit >= 1 && page.limit <= limits.pageItemsMax) return;
  throw new TroupeError('INVALID_ARGUMENT', `a page has 1 to ${limits.pageItemsMax} items`);
}

/** @param epoch of the shard */
export function staleEpoch({ group, shard }: Fence, epoch: number): TroupeError {
  return new TroupeError('STALE_EPOCH', `${group}/${shard} is at epoch ${epoch}`, { data: { epoch } });
}

/** @param version that the journal has */
export function journalConflict(fence: Fence, key: string, version: number): TroupeError {
  const message = `the journal of ${fence.group}/${key} is at ${version}`;
  return new TroupeError('JOURNAL_CONFLICT', message, { data: { version } });
}

/** A journal that can take no more. @param full which part of it, where that is known */
export function journalFull(fence: Fence, key: string, mend: string, full?: 'history'): TroupeError {
  const data = full === undefined ? {} : { data: { full } };
  return new TroupeError('OVERLOADED', `the journal of ${fence.group}/${key} is full; ${mend}`, data);
}

/** A journal names too many. */
export function tooManyBlobs({ blobsPerJournalMax }: JournalLimits): TroupeError {
  return new TroupeError('OVERLOADED', `a journal names over ${blobsPerJournalMax} blobs`);
}

/** A blob that isn't there. */
export function noBlob(id: string): TroupeError {
  return new TroupeError('NOT_FOUND', `there is no blob ${id}`, { data: { id } });
}

/** @throws TroupeError INVALID_ARGUMENT, MESSAGE_TOO_LARGE */
export function sized(bytes: unknown, name: string, bytesMax: number): void {
  if (!(bytes instanceof Uint8Array)) throw new TroupeError('INVALID_ARGUMENT', `${name} must be bytes`);
  if (bytes.byteLength <= bytesMax) return;
  throw new TroupeError('MESSAGE_TOO_LARGE', `${name} is over ${bytesMax} bytes`, { data: { bytesMax } });
}

function whole(value: unknown, name: string): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw new TroupeError('INVALID_ARGUMENT', `${name} must be a whole number, 0 or more`);
}
