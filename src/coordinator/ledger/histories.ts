import type { DatabaseSync } from 'node:sqlite';
import type { Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { blob, list, refuse, whole } from './check.ts';
import { prepareTuples, type Query } from './sql.ts';

/** Tables of this concern. */
export const HISTORIES_SCHEMA: string = `
create table histories (
  journal integer primary key, first integer not null, next integer not null, bytes integer not null
) strict;
create table history_items (
  journal integer not null, position integer not null, item blob not null, primary key (journal, position)
) strict, without rowid;`;

/** Which items of a history there are: positions from `first` to before `next`. */
export interface HistoryRange {
  readonly first: number;
  readonly next: number;
}

/**
 * The part of a journal that only grows, e.g. what an agent and its model said to each other: items are added one by one, no
 * snapshot writes them again, and they are read in pages. Old ones go when the owner says so.
 */
export class Histories {
  readonly #limits: LedgerLimits;
  readonly #head: Query<readonly [first: number, next: number, bytes: number]>;
  readonly #save;
  readonly #add;
  readonly #size: Query<readonly [number | null]>;
  readonly #drop;
  readonly #dropHead;
  readonly #page: Query<readonly [Uint8Array]>;

  constructor(db: DatabaseSync, limits: LedgerLimits) {
    this.#limits = limits;
    this.#head = prepareTuples(db, 'select first, next, bytes from histories where journal = ?');
    this.#save = db.prepare('insert or replace into histories values (?, ?, ?, ?)');
    this.#add = db.prepare('insert into history_items values (?, ?, ?)');
    this.#size = prepareTuples(
      db,
      'select sum(length(item)) from history_items where journal = ? and position between ? and ?',
    );
    this.#drop = db.prepare('delete from history_items where journal = ? and position between ? and ?');
    this.#dropHead = db.prepare('delete from histories where journal = ?');
    this.#page = prepareTuples(
      db,
      'select item from history_items where journal = ? and position between ? and ? order by position',
    );
  }

  /**
   * Drops the items before `from`, then adds new ones.
   *
   * @throws TroupeError OVERLOADED when it is full, MESSAGE_TOO_LARGE, INVALID_ARGUMENT
   */
  add(journal: number, items: readonly Uint8Array[], from: number | undefined): void {
    const { blobBytesMax, historyItemsMax, historyBytesMax } = this.#limits;
    const [first, next, size] = this.#head.get(journal) ?? [0, 0, 0];
    const keep = from === undefined ? first : Math.max(first, whole(from, 'historyFrom', 0, next));
    let bytes = size;
    if (keep > first) {
      bytes -= this.#size.get(journal, first, keep - 1)?.[0] ?? 0;
      this.#drop.run(journal, first, keep - 1);
    }
    let position = next;
    for (const item of list(items, 'history', historyItemsMax)) {
      bytes += blob(item, 'item', blobBytesMax).byteLength;
      this.#add.run(journal, position++, item);
    }
    if (position - keep > historyItemsMax || bytes > historyBytesMax) {
      refuse('OVERLOADED', 'the history is full; let old items go', { full: 'history' });
    }
    this.#save.run(journal, keep, position, bytes);
  }

  /** Its journal is deleted. */
  drop(journal: number): void {
    const { first, next } = this.range(journal);
    this.#drop.run(journal, first, next);
    this.#dropHead.run(journal);
  }

  range(journal: number): HistoryRange {
    const [first, next] = this.#head.get(journal) ?? [0, 0];
    return { first, next };
  }

  /** Items from `from` on, as many as fit into a page (at least one). */
  page(journal: number, from: number, limit: number): Queries['journal.history']['reply'] {
    const { pageItemsMax, pageBytesMax } = this.#limits;
    const { first } = this.range(journal);
    const start = Math.max(first, whole(from, 'from', 0));
    const last = start + whole(limit, 'limit', 1, pageItemsMax) - 1;
    const items: Uint8Array[] = [];
    let bytes = 0;
    for (const [item] of this.#page.iterate(journal, start, last)) {
      bytes += item.byteLength;
      if (items.length > 0 && bytes > pageBytesMax) break;
      items.push(item);
    }
    return { from: start, items };
  }
}
