import type { DatabaseSync } from 'node:sqlite';
import type { Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { text, whole } from './check.ts';
import { prepareTuples, type Query } from './sql.ts';

/** Tables of this concern: a row only for a journal whose agent has something to do. */
export const WAKES_SCHEMA: string = `
create table wakes (journal integer primary key, grp text not null, shard integer not null, key text not null, at integer not null) strict;
create index wakes_by_time on wakes (grp, shard, at, key);`;

/**
 * When journals' agents have something to do by themselves, so that a shard's owner finds them without reading every journal. The
 * times are the agents' own business: here nothing happens at them.
 */
export class Wakes {
  readonly #limits: LedgerLimits;
  readonly #set;
  readonly #clear;
  readonly #page: Query<readonly [key: string, at: number]>;

  constructor(db: DatabaseSync, limits: LedgerLimits) {
    this.#limits = limits;
    this.#set = db.prepare(
      'insert into wakes values (?, ?, ?, ?, ?) on conflict (journal) do update set at = excluded.at',
    );
    this.#clear = db.prepare('delete from wakes where journal = ?');
    this.#page = prepareTuples(
      db,
      'select key, at from wakes where grp = ? and shard = ? and (at, key) > (?, ?) order by at, key limit ?',
    );
  }

  /** @param at ms since 1970; 0 for a journal whose agent waits for nothing */
  set(journal: number, group: string, shard: number, key: string, at: number): void {
    if (whole(at, 'wake', 0) === 0) this.#clear.run(journal);
    else this.#set.run(journal, group, shard, key, at);
  }

  /** Those of a shard, the soonest first. */
  page({ fence, after, limit }: Queries['journal.wakes']['request']): Queries['journal.wakes']['reply'] {
    const { pageItemsMax, nameCharsMax } = this.#limits;
    const most = whole(limit, 'limit', 1, pageItemsMax);
    const [at, key] = after === undefined ? [-1, ''] : [whole(after.at, 'at', 0), text(after.key, 'key', nameCharsMax)];
    const rows = this.#page.all(fence.group, whole(fence.shard, 'shard', 0), at, key, most);
    return { wakes: rows.map(([name, due]) => ({ key: name, at: due })) };
  }
}
