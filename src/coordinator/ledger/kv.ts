import type { DatabaseSync } from 'node:sqlite';
import type { Commands, Queries, ValueRecord } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { blob, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import { prepareTuples, type Query } from './sql.ts';

/** The table of this concern. Text compares as its UTF-8 bytes, so pages come in the order of code points. */
export const KV_SCHEMA: string = `
create table kv (
  key text not null primary key, value blob not null, version integer not null
) strict, without rowid;`;

/**
 * Small named values of the whole cluster: configuration, flags, leases of its users' own making. Each put gets a version from
 * one count of all puts, so no key ever sees a version twice, not even when it was deleted in between or several puts share a
 * log entry; a writer that names the version it expects is refused with CONFLICT when another came first.
 */
export class Values {
  readonly #limits: LedgerLimits;
  readonly #head: Query<readonly [version: number, bytes: number]>;
  readonly #find: Query<readonly [value: Uint8Array, version: number]>;
  readonly #page: Query<readonly [key: string, value: Uint8Array, version: number]>;
  readonly #put;
  readonly #delete;

  constructor(db: DatabaseSync, limits: LedgerLimits) {
    this.#limits = limits;
    this.#head = prepareTuples(db, 'select version, length(value) from kv where key = ?');
    this.#find = prepareTuples(db, 'select value, version from kv where key = ?');
    this.#page = prepareTuples(
      db,
      'select key, value, version from kv where key >= ? and key > ? order by key limit ?',
    );
    this.#put = db.prepare('insert or replace into kv values (?, ?, ?)');
    this.#delete = db.prepare('delete from kv where key = ?');
  }

  /** `kv.put`. */
  put(request: Commands['kv.put']['request'], { totals }: Scope): Commands['kv.put']['reply'] {
    const { valueBytesMax, valuesMax, valuesBytesMax } = this.#limits;
    const value = blob(request.value, 'value', valueBytesMax);
    const key = this.#key(request.key);
    const head = this.#head.get(key);
    expected(key, request.expect, head?.[0] ?? 0);
    const [more, grown] = head === undefined ? [1, Buffer.byteLength(key)] : [0, -head[1]];
    const values = totals.values + more;
    const bytes = totals.valueBytes + grown + value.byteLength;
    if (values > valuesMax) refuse('OVERLOADED', `there are ${valuesMax} values already`);
    if (bytes > valuesBytesMax) refuse('OVERLOADED', `values would take more than ${valuesBytesMax} bytes together`);
    const version = ++totals.puts;
    totals.values = values;
    totals.valueBytes = bytes;
    this.#put.run(key, value, version);
    return { version };
  }

  /** `kv.delete`. */
  delete(request: Commands['kv.delete']['request'], { totals }: Scope): Commands['kv.delete']['reply'] {
    const key = this.#key(request.key);
    const head = this.#head.get(key);
    expected(key, request.expect, head?.[0] ?? 0);
    if (head === undefined) return {};
    totals.values--;
    totals.valueBytes -= head[1] + Buffer.byteLength(key);
    this.#delete.run(key);
    return {};
  }

  /** `kv.get`. */
  get(request: Queries['kv.get']['request']): Queries['kv.get']['reply'] {
    const found = this.#find.get(this.#key(request.key));
    return found && { value: found[0], version: found[1] };
  }

  /** `kv.list`. */
  list(request: Queries['kv.list']['request']): Queries['kv.list']['reply'] {
    const { nameCharsMax, pageItemsMax, pageBytesMax } = this.#limits;
    const limit = whole(request.limit, 'limit', 1, pageItemsMax);
    const [prefix, after] = [request.prefix, request.after].map((bound) =>
      bound === '' ? '' : text(bound, 'prefix and after', nameCharsMax),
    ) as [string, string];
    const values: ValueRecord[] = [];
    let bytes = 0;
    for (const [key, value, version] of this.#page.iterate(prefix, after, limit)) {
      bytes += value.byteLength;
      if (!key.startsWith(prefix) || (values.length > 0 && bytes > pageBytesMax)) break;
      values.push({ key, value, version });
    }
    return { values };
  }

  #key(key: string): string {
    return text(key, 'key', this.#limits.nameCharsMax);
  }
}

/** @param version what the key is at; 0 when it has no value */
function expected(key: string, expect: number | undefined, version: number): void {
  if (expect === undefined || whole(expect, 'expect', 0) === version) return;
  refuse('CONFLICT', version === 0 ? `${key} has no value` : `${key} is at version ${version}`, { version });
}
