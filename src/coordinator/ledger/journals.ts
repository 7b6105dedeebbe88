import type { DatabaseSync } from 'node:sqlite';
import { type Fence, shardOf } from '../../core/index.ts';
import type { Commands, JournalRecord, Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import type { Blobs } from './blobs.ts';
import { blob, list, refuse, text, whole } from './check.ts';
import type { Histories } from './histories.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepareTuples, present, type Query } from './sql.ts';

/** Tables of this concern. A journal's head is small and its snapshot lies apart, since each append rewrites the head. */
export const JOURNALS_SCHEMA: string = `
create table journals (
  journal integer primary key, grp text not null, key text not null,
  version integer not null, snapshot_version integer not null, bytes integer not null
) strict;
create unique index journals_by_key on journals (grp, key);
create table journal_snapshots (journal integer primary key, snapshot blob not null) strict;
create table journal_records (
  journal integer not null, version integer not null, record blob not null, primary key (journal, version)
) strict, without rowid;`;

type Head = readonly [journal: number, version: number, snapshotVersion: number, bytes: number];

/** What agents must not lose: for each key a snapshot and the records after it, written only by the shard's owner. */
export class Journals {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #histories: Histories;
  readonly #blobs: Blobs;
  readonly #head: Query<Head>;
  readonly #insert;
  readonly #save;
  readonly #append;
  readonly #dropRecords;
  readonly #saveSnapshot;
  readonly #records: Query<readonly [Uint8Array]>;
  readonly #snapshot: Query<readonly [Uint8Array]>;

  constructor(db: DatabaseSync, limits: LedgerLimits, shards: Shards, histories: Histories, blobs: Blobs) {
    this.#limits = limits;
    this.#shards = shards;
    this.#histories = histories;
    this.#blobs = blobs;
    this.#head = prepareTuples(
      db,
      'select journal, version, snapshot_version, bytes from journals where grp = ? and key = ?',
    );
    this.#insert = db.prepare('insert into journals values (null, ?, ?, ?, ?, ?)');
    this.#save = db.prepare('update journals set version = ?, snapshot_version = ?, bytes = ? where journal = ?');
    this.#append = db.prepare('insert into journal_records values (?, ?, ?)');
    this.#dropRecords = db.prepare('delete from journal_records where journal = ?');
    this.#saveSnapshot = db.prepare('insert or replace into journal_snapshots values (?, ?)');
    this.#records = prepareTuples(db, 'select record from journal_records where journal = ? order by version');
    this.#snapshot = prepareTuples(db, 'select snapshot from journal_snapshots where journal = ?');
  }

  /** `journal.append`. */
  append(request: Commands['journal.append']['request'], scope: Scope): Commands['journal.append']['reply'] {
    const { fence, records, snapshot } = request;
    const key = this.#check(fence, request.key);
    const head = this.#head.get(fence.group, key);
    const [, last, base, size] = head ?? [0, 0, 0, 0];
    if (request.version !== last) {
      refuse('JOURNAL_CONFLICT', `the journal of ${fence.group}/${key} is at ${last}`, { version: last });
    }
    const { blobBytesMax, journalRecordsMax, journalBytesMax, journalSnapshotBytesMax } = this.#limits;
    let bytes = size;
    for (const record of list(records, 'records', journalRecordsMax)) {
      bytes += blob(record, 'record', blobBytesMax).byteLength;
    }
    if (records.length === 0 && (request.history !== undefined || request.historyFrom !== undefined)) {
      refuse('INVALID_ARGUMENT', 'a history changes together with a record, whose version tells a repetition');
    }
    const version = last + records.length;
    scope.totals.journalRecords += records.length;
    if (snapshot === undefined) {
      if (version - base > journalRecordsMax || bytes > journalBytesMax) {
        refuse('OVERLOADED', `the journal of ${fence.group}/${key} is full; take a snapshot`);
      }
      if (records.length === 0) return { version };
      const journal = this.#write(head, fence.group, key, version, base, bytes);
      for (let i = 0; i < records.length; i++) this.#append.run(journal, last + 1 + i, records[i] as Uint8Array);
      this.#beside(journal, request, scope);
      return { version };
    }
    blob(snapshot, 'snapshot', journalSnapshotBytesMax);
    const journal = this.#write(head, fence.group, key, version, version, 0);
    this.#saveSnapshot.run(journal, snapshot);
    this.#dropRecords.run(journal);
    this.#beside(journal, request, scope);
    return { version };
  }

  /** `journal.read`. */
  read(request: Queries['journal.read']['request']): JournalRecord {
    const key = this.#check(request.fence, request.key);
    const head = this.#head.get(request.fence.group, key);
    if (head === undefined) return { version: 0, snapshotVersion: 0, records: [] };
    const [journal, version, snapshotVersion] = head;
    const history = this.#histories.range(journal);
    return {
      version,
      snapshotVersion,
      records: this.#records.all(journal).map(([record]) => record),
      ...present({ snapshot: this.#snapshot.get(journal)?.[0], history: history.next > 0 ? history : undefined }),
    };
  }

  /** `journal.history`. */
  history(request: Queries['journal.history']['request']): Queries['journal.history']['reply'] {
    const key = this.#check(request.fence, request.key);
    const head = this.#head.get(request.fence.group, key);
    return this.#histories.page(head?.[0] ?? 0, request.from, request.limit);
  }

  /** What an append changes besides records and snapshot. */
  #beside(journal: number, request: Commands['journal.append']['request'], scope: Scope): void {
    const { history, historyFrom, blobs, snapshot } = request;
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

  #write(
    head: Head | undefined,
    group: string,
    key: string,
    version: number,
    snapshotVersion: number,
    bytes: number,
  ): number {
    if (head === undefined)
      return Number(this.#insert.run(group, key, version, snapshotVersion, bytes).lastInsertRowid);
    this.#save.run(version, snapshotVersion, bytes, head[0]);
    return head[0];
  }
}
