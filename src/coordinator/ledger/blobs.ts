import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Commands, Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { blob, list, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import { prepareTuples, type Query } from './sql.ts';

/** Tables of this concern. `refs` counts the journals that name a blob; one that no journal names goes at `free_at`. */
export const BLOBS_SCHEMA: string = `
create table blobs (
  id text primary key, size integer not null, parts integer not null, whole integer not null,
  refs integer not null, free_at integer not null
) strict, without rowid;
create index blobs_free on blobs (free_at, id) where refs = 0;
create table blob_parts (
  id text not null, part integer not null, bytes blob not null, primary key (id, part)
) strict, without rowid;
create table blob_refs (journal integer not null, id text not null, primary key (journal, id)) strict, without rowid;
create table blob_total (one integer primary key, bytes integer not null) strict;`;

const ID = /^[0-9a-f]{64}$/;

/**
 * Big values apart from the journals that name them, each under the SHA-256 of its bytes. They come in parts, each an entry of
 * the log, so that a large one holds nobody up; a blob counts once it is whole and its bytes have that hash. It stays as long as
 * a journal names it, and `blobGraceMs` of logged time longer: whoever put it has that long to name it.
 */
export class Blobs {
  readonly #limits: LedgerLimits;
  readonly #head: Query<readonly [size: number, parts: number, whole: number]>;
  readonly #insert;
  readonly #total: Query<readonly [number]>;
  readonly #addTotal;
  readonly #addPart;
  readonly #grow;
  readonly #touch;
  readonly #parts: Query<readonly [Uint8Array]>;
  readonly #part: Query<readonly [Uint8Array]>;
  readonly #named: Query<readonly [string]>;
  readonly #name;
  readonly #hold;
  readonly #unname;
  readonly #release;
  readonly #drop;
  readonly #dropParts;
  readonly #free: Query<readonly [id: string, size: number]>;
  readonly #nextFree: Query<readonly [number | null]>;

  constructor(db: DatabaseSync, limits: LedgerLimits) {
    this.#limits = limits;
    this.#head = prepareTuples(db, 'select size, parts, whole from blobs where id = ?');
    this.#insert = db.prepare('insert into blobs values (?, ?, 0, 0, 0, ?)');
    this.#total = prepareTuples(db, 'select bytes from blob_total');
    this.#addTotal = db.prepare(
      'insert into blob_total values (1, ?) on conflict do update set bytes = bytes + excluded.bytes',
    );
    this.#addPart = db.prepare('insert into blob_parts values (?, ?, ?)');
    this.#grow = db.prepare('update blobs set parts = parts + 1, whole = ?, free_at = ? where id = ?');
    this.#touch = db.prepare('update blobs set free_at = ? where id = ?');
    this.#parts = prepareTuples(db, 'select bytes from blob_parts where id = ? order by part');
    this.#part = prepareTuples(db, 'select bytes from blob_parts where id = ? and part = ?');
    this.#named = prepareTuples(db, 'select id from blob_refs where journal = ? order by id');
    this.#name = db.prepare('insert into blob_refs values (?, ?) on conflict do nothing');
    this.#hold = db.prepare('update blobs set refs = refs + 1 where id = ? and whole = 1');
    this.#unname = db.prepare('delete from blob_refs where journal = ? and id = ?');
    this.#release = db.prepare('update blobs set refs = refs - 1, free_at = ? where id = ?');
    this.#drop = db.prepare('delete from blobs where id = ?');
    this.#dropParts = db.prepare('delete from blob_parts where id = ?');
    this.#free = prepareTuples(
      db,
      'select id, size from blobs where refs = 0 and free_at <= ? order by free_at, id limit ?',
    );
    this.#nextFree = prepareTuples(db, 'select min(free_at) from blobs where refs = 0');
  }

  /** `blob.put`. */
  put(request: Commands['blob.put']['request'], scope: Scope): Commands['blob.put']['reply'] {
    const { keptBlobBytesMax, keptBlobsBytesMax, blobPartBytes } = this.#limits;
    const id = idOf(request.id);
    const size = whole(request.size, 'size', 0);
    if (size > keptBlobBytesMax) {
      refuse('MESSAGE_TOO_LARGE', `a blob is over ${keptBlobBytesMax} bytes`, { bytesMax: keptBlobBytesMax });
    }
    const count = Math.max(1, Math.ceil(size / blobPartBytes));
    const part = whole(request.part, 'part', 0, count - 1);
    const bytes = blob(request.bytes, 'bytes', blobPartBytes);
    if (bytes.byteLength !== Math.min(blobPartBytes, size - part * blobPartBytes)) {
      refuse('INVALID_ARGUMENT', `part ${part} of a blob of ${size} bytes has another size`);
    }
    const freeAt = scope.now + this.#limits.blobGraceMs;
    scope.due(freeAt);
    const [known, parts, isWhole] = this.#head.get(id) ?? this.#open(id, size, freeAt, keptBlobsBytesMax);
    if (known !== size) refuse('CONFLICT', `blob ${id} has ${known} bytes`);
    if (part > parts) refuse('CONFLICT', `blob ${id} has ${parts} parts`, { parts });
    if (part < parts) {
      this.#touch.run(freeAt, id);
      return { whole: isWhole === 1 };
    }
    this.#addPart.run(id, part, bytes);
    const last = part === count - 1;
    this.#grow.run(last ? 1 : 0, freeAt, id);
    if (last && this.#hash(id) !== id) {
      this.#forget(id, size);
      return { whole: false };
    }
    return { whole: last };
  }

  /** `blob.read`. */
  read(request: Queries['blob.read']['request']): Queries['blob.read']['reply'] {
    const id = idOf(request.id);
    const head = this.#head.get(id);
    if (head?.[2] !== 1) refuse('NOT_FOUND', `there is no blob ${id}`);
    if (request.part === undefined) return { size: head[0] };
    const [bytes] = this.#part.get(id, whole(request.part, 'part', 0)) ?? refuse('NOT_FOUND', `blob ${id} ends before`);
    return { size: head[0], bytes };
  }

  /**
   * A journal names these blobs from now on: also what it named before, or with `only` nothing else.
   *
   * @throws TroupeError NOT_FOUND (data.id) when one isn't there; OVERLOADED when they are too many
   */
  name(journal: number, ids: readonly string[], only: boolean, scope: Scope): void {
    const { blobsPerJournalMax } = this.#limits;
    const wanted = new Set(list(ids, 'blobs', Number.MAX_SAFE_INTEGER).map(idOf));
    const before = this.#named.all(journal).map(([id]) => id);
    if (only) for (const id of before) if (!wanted.has(id)) this.#let(journal, id, scope);
    const known = new Set(before);
    for (const id of wanted) {
      if (known.has(id)) continue;
      if (this.#hold.run(id).changes === 0) refuse('NOT_FOUND', `there is no blob ${id}`, { id });
      this.#name.run(journal, id);
    }
    const names = only ? wanted.size : known.union(wanted).size;
    if (names > blobsPerJournalMax) refuse('OVERLOADED', `a journal names over ${blobsPerJournalMax} blobs`);
  }

  /** Lets go what no journal has named for long enough. */
  expire(now: number): void {
    for (const [id, size] of this.#free.all(now, this.#limits.duePerEntryMax)) this.#forget(id, size);
  }

  /** When the next one goes, logged time. */
  nextDue(): number {
    return this.#nextFree.get()?.[0] ?? Number.POSITIVE_INFINITY;
  }

  #open(
    id: string,
    size: number,
    freeAt: number,
    bytesMax: number,
  ): readonly [size: number, parts: number, whole: number] {
    if ((this.#total.get()?.[0] ?? 0) + size > bytesMax) {
      refuse('OVERLOADED', `blobs would take more than ${bytesMax} bytes together`);
    }
    this.#insert.run(id, size, freeAt);
    this.#addTotal.run(size);
    return [size, 0, 0];
  }

  #hash(id: string): string {
    const hash = createHash('sha256');
    for (const [bytes] of this.#parts.iterate(id)) hash.update(bytes);
    return hash.digest('hex');
  }

  #let(journal: number, id: string, scope: Scope): void {
    const freeAt = scope.now + this.#limits.blobGraceMs;
    this.#unname.run(journal, id);
    this.#release.run(freeAt, id);
    scope.due(freeAt);
  }

  #forget(id: string, size: number): void {
    this.#drop.run(id);
    this.#dropParts.run(id);
    this.#addTotal.run(-size);
  }
}

function idOf(id: string): string {
  if (ID.test(text(id, 'id', 64))) return id;
  refuse('INVALID_ARGUMENT', 'a blob is named by its SHA-256, 64 digits in lower case');
}
