import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { type Fence, invariant, shardOf, TroupeError } from '../../core/index.ts';
import type { Commands, JournalRecord, Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import type { Blobs } from './blobs.ts';
import { blob, list, refuse, text, whole } from './check.ts';
import type { Histories } from './histories.ts';
import { oneForEach, pile, recordsOf } from './record-pile.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepareTuples, present, type Query } from './sql.ts';
import type { Wakes } from './wakes.ts';

/**
 * Tables of this concern. A journal's head is small and its snapshot lies apart, since each append changes the head. Records that were
 * written together are one row, at the place of the first; its key is a number, as SQLite keeps a kilobyte beside such a key, and beside any
 * other in a page of its own.
 */
export const JOURNALS_SCHEMA: string = `
create table journals (
  journal integer primary key, grp text not null, key text not null,
  version integer not null, snapshot_version integer not null, bytes integer not null
) strict;
create unique index journals_by_key on journals (grp, key);
create table journal_snapshots (journal integer primary key, snapshot blob not null) strict;
create table journal_records (start integer primary key, records blob not null) strict;`;

/** Keys of records that each journal has for itself, one for each record since its snapshot. */
const PLACES_PER_JOURNAL = 2 ** 14;
/** Heads that are kept at hand from one commit to the next. */
const HEADS_CACHED_MAX = 10_000;

/** Rows of `journal_records` as an image has them: one for each journal, as what was written together differs from voter to voter. */
export function recordsByJournal(rows: Iterable<readonly SQLInputValue[]>): Iterable<readonly SQLInputValue[]> {
  return oneForEach(rows as Iterable<readonly [number, Uint8Array]>, (place) => Math.floor(place / PLACES_PER_JOURNAL));
}

type HeadRow = readonly [journal: number, version: number, snapshotVersion: number, bytes: number];

/** How far a journal is. */
interface Head {
  readonly journal: number;
  version: number;
  snapshotVersion: number;
  /** Of the records since the snapshot. */
  bytes: number;
  /** The snapshot, while it isn't written; then no record that is written counts. */
  snapshot: Uint8Array | undefined;
  /** Records after it that aren't written. */
  records: Uint8Array[];
}

/**
 * What agents must not lose: for each key a snapshot and the records after it, written only by the shard's owner. Appends are kept at
 * hand, and written when the transaction is committed: once for all those of a journal, and never where a snapshot has taken their place.
 */
export class Journals {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #histories: Histories;
  readonly #blobs: Blobs;
  readonly #wakes: Wakes;
  readonly #heads: Map<string, Head> = new Map();
  /** Those that differ from their rows. */
  readonly #changed: Set<Head> = new Set();
  readonly #head: Query<HeadRow>;
  readonly #insert;
  readonly #save;
  readonly #append;
  readonly #dropRecords;
  readonly #dropSnapshot;
  readonly #drop;
  readonly #saveSnapshot;
  readonly #records: Query<readonly [Uint8Array]>;
  readonly #snapshot: Query<readonly [Uint8Array]>;

  constructor(
    db: DatabaseSync,
    limits: LedgerLimits,
    shards: Shards,
    histories: Histories,
    blobs: Blobs,
    wakes: Wakes,
  ) {
    invariant(limits.journalRecordsMax < PLACES_PER_JOURNAL, 'each record of a journal has a place');
    this.#limits = limits;
    this.#shards = shards;
    this.#histories = histories;
    this.#blobs = blobs;
    this.#wakes = wakes;
    this.#head = prepareTuples(
      db,
      'select journal, version, snapshot_version, bytes from journals where grp = ? and key = ?',
    );
    this.#insert = db.prepare('insert into journals values (null, ?, ?, ?, ?, ?)');
    this.#save = db.prepare('update journals set version = ?, snapshot_version = ?, bytes = ? where journal = ?');
    this.#append = db.prepare('insert into journal_records values (?, ?)');
    this.#dropRecords = db.prepare('delete from journal_records where start between ? and ?');
    this.#dropSnapshot = db.prepare('delete from journal_snapshots where journal = ?');
    this.#drop = db.prepare('delete from journals where journal = ?');
    this.#saveSnapshot = db.prepare('insert or replace into journal_snapshots values (?, ?)');
    this.#records = prepareTuples(db, 'select records from journal_records where start between ? and ? order by start');
    this.#snapshot = prepareTuples(db, 'select snapshot from journal_snapshots where journal = ?');
  }

  /** `journal.append`. */
  append(request: Commands['journal.append']['request'], scope: Scope): Commands['journal.append']['reply'] {
    const { fence, records, snapshot } = request;
    const key = this.#check(fence, request.key);
    const head = this.#find(fence.group, key);
    const last = head?.version ?? 0;
    if (request.version !== last) throw conflict(fence, key, head);
    const { blobBytesMax, journalRecordsMax, journalBytesMax, journalSnapshotBytesMax } = this.#limits;
    let bytes = head?.bytes ?? 0;
    for (const record of list(records, 'records', journalRecordsMax)) {
      bytes += blob(record, 'record', blobBytesMax).byteLength;
    }
    const { history, historyFrom, wake } = request;
    if (records.length === 0 && (history !== undefined || historyFrom !== undefined || wake !== undefined)) {
      refuse('INVALID_ARGUMENT', 'history and wake change together with a record, whose version tells a repetition');
    }
    const version = last + records.length;
    const since = version - (head?.snapshotVersion ?? 0);
    if (snapshot !== undefined) blob(snapshot, 'snapshot', journalSnapshotBytesMax);
    else if (since > journalRecordsMax || bytes > journalBytesMax) {
      refuse('OVERLOADED', `the journal of ${fence.group}/${key} is full; take a snapshot`);
    } else if (records.length === 0) return { version };
    scope.totals.journalRecords += records.length;
    if ((wake ?? history ?? historyFrom ?? request.blobs) !== undefined) scope.guard();
    const journal = head?.journal ?? Number(this.#insert.run(fence.group, key, 0, 0, 0).lastInsertRowid);
    this.#beside(journal, request, scope);
    // Last, as nothing is refused any more: what a refused command did is taken back in the tables, but not here.
    const moved = head ?? this.#remember(fence.group, key, journal, 0, 0, 0);
    moved.version = version;
    if (snapshot === undefined) {
      moved.bytes = bytes;
      moved.records.push(...records);
    } else {
      moved.bytes = 0;
      moved.snapshotVersion = version;
      moved.snapshot = snapshot;
      moved.records = [];
    }
    this.#changed.add(moved);
    return { version };
  }

  /** `journal.delete`. */
  delete(request: Commands['journal.delete']['request'], scope: Scope): Commands['journal.delete']['reply'] {
    const { fence, version } = request;
    const key = this.#check(fence, request.key);
    const head = this.#find(fence.group, key);
    if (version !== (head?.version ?? 0)) throw conflict(fence, key, head);
    if (head === undefined) return {};
    const { journal } = head;
    this.#blobs.name(journal, [], true, scope);
    this.#wakes.set(journal, fence.group, fence.shard, key, 0);
    this.#histories.drop(journal);
    this.#dropRecords.run(placeOf(journal, 0), placeOf(journal + 1, -1));
    this.#dropSnapshot.run(journal);
    this.#drop.run(journal);
    this.#heads.delete(nameOf(fence.group, key));
    this.#changed.delete(head);
    return {};
  }

  /** `journal.read`. */
  read(request: Queries['journal.read']['request']): JournalRecord {
    const key = this.#check(request.fence, request.key);
    const head = this.#find(request.fence.group, key);
    if (head === undefined) return { version: 0, snapshotVersion: 0, records: [] };
    const { journal, version, snapshotVersion } = head;
    const history = this.#histories.range(journal);
    const written = head.snapshot === undefined ? this.#records.all(placeOf(journal, 0), placeOf(journal + 1, -1)) : [];
    const snapshot = head.snapshot ?? this.#snapshot.get(journal)?.[0];
    return {
      version,
      snapshotVersion,
      records: [...recordsOf(written.map(([records]) => records)), ...head.records],
      ...present({ snapshot, history: history.next > 0 ? history : undefined }),
    };
  }

  /** `journal.history`. */
  history(request: Queries['journal.history']['request']): Queries['journal.history']['reply'] {
    const key = this.#check(request.fence, request.key);
    const head = this.#find(request.fence.group, key);
    return this.#histories.page(head?.journal ?? 0, request.from, request.limit);
  }

  /** `journal.wakes`. */
  wakes(request: Queries['journal.wakes']['request']): Queries['journal.wakes']['reply'] {
    this.#shards.check(request.fence);
    return this.#wakes.page(request);
  }

  /** Writes what the transaction that is about to be committed has changed. */
  flush(): void {
    for (const head of this.#changed) {
      const { journal, version, snapshotVersion, bytes, snapshot, records } = head;
      this.#save.run(version, snapshotVersion, bytes, journal);
      if (snapshot !== undefined) {
        this.#saveSnapshot.run(journal, snapshot);
        this.#dropRecords.run(placeOf(journal, 0), placeOf(journal + 1, -1));
        head.snapshot = undefined;
      }
      if (records.length === 0) continue;
      this.#append.run(placeOf(journal, version - snapshotVersion - records.length), pile(records));
      head.records = [];
    }
    this.#changed.clear();
    if (this.#heads.size > HEADS_CACHED_MAX) this.#heads.clear();
  }

  /** The tables have changed in another way: a transaction was taken back, or the state was replaced. */
  forget(): void {
    this.#heads.clear();
    this.#changed.clear();
  }

  /** What an append changes besides records and snapshot. */
  #beside(journal: number, request: Commands['journal.append']['request'], scope: Scope): void {
    const { fence, key, history, historyFrom, blobs, snapshot, wake } = request;
    if (wake !== undefined) this.#wakes.set(journal, fence.group, fence.shard, key, wake);
    if (history !== undefined || historyFrom !== undefined) this.#histories.add(journal, history ?? [], historyFrom);
    if (blobs !== undefined || snapshot !== undefined) {
      this.#blobs.name(journal, blobs ?? [], snapshot !== undefined, scope);
    }
  }

  #check(fence: Fence, name: string): string {
    const shards = this.#shards.check(fence);
    const key = text(name, 'key', this.#limits.nameCharsMax);
    const shard = shardOf(key, shards);
    if (shard !== whole(fence.shard, 'shard', 0)) {
      refuse('INVALID_ARGUMENT', `${fence.group}/${key} belongs to shard ${shard}`, { shard });
    }
    return key;
  }

  #find(group: string, key: string): Head | undefined {
    const known = this.#heads.get(nameOf(group, key));
    if (known !== undefined) return known;
    const row = this.#head.get(group, key);
    if (row === undefined) return undefined;
    return this.#remember(group, key, ...row);
  }

  #remember(group: string, key: string, ...[journal, version, snapshotVersion, bytes]: HeadRow): Head {
    const head: Head = { journal, version, snapshotVersion, bytes, snapshot: undefined, records: [] };
    this.#heads.set(nameOf(group, key), head);
    return head;
  }
}

function conflict({ group }: Fence, key: string, { version = 0 }: Partial<Head> = {}): TroupeError {
  return new TroupeError('JOURNAL_CONFLICT', `the journal of ${group}/${key} is at ${version}`, { data: { version } });
}

/** Any character may be part of either. */
function nameOf(group: string, key: string): string {
  return `${group.length}/${group}${key}`;
}

/** Where the record is that comes after `since` others since the snapshot. */
function placeOf(journal: number, since: number): number {
  return journal * PLACES_PER_JOURNAL + since;
}
