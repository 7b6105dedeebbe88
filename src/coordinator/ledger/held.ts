import type { DatabaseSync } from 'node:sqlite';
import type { Commands, HeldRecord, HeldRef, Queries, Ruling } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { blob, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepare, prepareTuples, present, type Query } from './sql.ts';

/** The table of this concern. `closed` is the log index at which the turn was over. */
export const HELD_SCHEMA: string = `
create table held (
  grp text not null, key text not null, hold integer not null, request text not null, step text not null,
  step_key text not null, message blob not null, since integer not null, reason text, ruling text, value blob,
  closed integer,
  primary key (grp, key, hold)
) strict;
create index held_closed on held (closed, grp, key, hold) where closed is not null;`;

interface Row {
  readonly grp: string;
  readonly key: string;
  readonly hold: number;
  readonly request: string;
  readonly step: string;
  readonly step_key: string;
  readonly message: Uint8Array;
  readonly since: number;
  readonly reason: string | null;
  readonly ruling: Ruling['type'] | null;
  readonly value: Uint8Array | null;
  readonly closed: number | null;
}

const RULINGS: readonly unknown[] = ['done', 'retry', 'fail'] satisfies Ruling['type'][];

/**
 * Turns that wait for a person to say what became of a step. Only the agent's owner puts a turn here and takes it away; a ruling
 * waits here until the owner has followed it to the turn's end.
 */
export class Held {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #insert;
  readonly #find: Query<Row>;
  readonly #open: Query<Row>;
  readonly #room: Query<readonly [number, number]>;
  readonly #rule;
  readonly #close;
  readonly #drop;
  readonly #page: Query<Row>;

  constructor(db: DatabaseSync, limits: LedgerLimits, shards: Shards) {
    this.#limits = limits;
    this.#shards = shards;
    this.#insert = db.prepare('insert into held values (?, ?, ?, ?, ?, ?, ?, ?, ?, null, null, null)');
    this.#find = prepare(db, 'select * from held where grp = ? and key = ? and hold = ?');
    this.#open = prepare(db, 'select * from held where grp = ? and key = ? and request = ? and closed is null');
    this.#room = prepareTuples(db, 'select count(*), coalesce(sum(length(message)), 0) from held where closed is null');
    this.#rule = db.prepare('update held set ruling = ?, value = ? where grp = ? and key = ? and hold = ?');
    this.#close = db.prepare(`update held set closed = ?, message = x'' where grp = ? and key = ? and hold = ?`);
    this.#drop = db.prepare(
      `delete from held where rowid in (
         select rowid from held where closed is not null order by closed desc, grp, key, hold limit -1 offset ?
       )`,
    );
    this.#page = prepare(
      db,
      `select * from held where closed is null and (grp, key, hold) > (?1, ?2, ?3)
         and (?4 is null or (ruling is not null) = ?4) order by grp, key, hold limit ?5`,
    );
  }

  /** `held.place`. */
  place(request: Commands['held.place']['request'], scope: Scope): HeldRecord {
    const { fence, after } = request;
    const { nameCharsMax, textCharsMax, blobBytesMax, heldMax, heldBytesMax } = this.#limits;
    this.#shards.check(fence);
    const key = text(request.key, 'key', nameCharsMax);
    const known = this.#open.get(fence.group, key, request.request);
    if (known !== undefined && known.hold !== after) return toRecord(known);
    if (known !== undefined) this.#end(known, scope);
    const message = blob(request.message, 'message', blobBytesMax);
    const [count, bytes] = this.#room.get() ?? [0, 0];
    if (count >= heldMax) refuse('OVERLOADED', `${heldMax} turns are held already`);
    if (bytes + message.byteLength > heldBytesMax) {
      refuse('OVERLOADED', `messages of held turns would take more than ${heldBytesMax} bytes`);
    }
    const names = [
      text(request.request, 'request', textCharsMax),
      text(request.step, 'step', textCharsMax),
      text(request.idempotencyKey, 'idempotencyKey', textCharsMax),
    ];
    const reason = request.reason === undefined ? null : text(request.reason, 'reason', this.#limits.reasonCharsMax);
    this.#insert.run(fence.group, key, scope.index, ...names, message, scope.now, reason);
    return this.#announce({ group: fence.group, key, hold: scope.index }, scope);
  }

  /** `held.rule`. */
  rule(request: Commands['held.rule']['request'], scope: Scope): HeldRecord {
    const row = this.#row(request);
    const { type } = request.ruling;
    if (!RULINGS.includes(type)) refuse('INVALID_ARGUMENT', 'a ruling is done, retry or fail');
    const value =
      request.ruling.type === 'done'
        ? blob(request.ruling.value, 'value', this.#limits.blobBytesMax)
        : request.ruling.type === 'fail'
          ? Buffer.from(text(request.ruling.reason, 'reason', this.#limits.reasonCharsMax))
          : null;
    if (row.ruling !== null) {
      const same = row.ruling === type && Buffer.compare(row.value ?? NOTHING, value ?? NOTHING) === 0;
      return same ? toRecord(row) : refuse('ALREADY_EXISTS', `it was settled before, as ${row.ruling}`);
    }
    this.#rule.run(type, value, row.grp, row.key, row.hold);
    return this.#announce(request, scope);
  }

  /** `held.release`. */
  release({ fence, key, hold }: Commands['held.release']['request'], scope: Scope): Record<string, never> {
    this.#shards.check(fence);
    const row = this.#find.get(fence.group, key, hold);
    if (row !== undefined && row.closed === null) this.#end(row, scope);
    return {};
  }

  /** `held.get`. */
  get(request: HeldRef): Queries['held.get']['reply'] {
    const row = this.#row(request);
    return { ...toRecord(row), message: row.message };
  }

  /** `held.list`: in order of agent, then as they were held. */
  list(request: Queries['held.list']['request']): Queries['held.list']['reply'] {
    const { pageItemsMax, pageBytesMax } = this.#limits;
    const limit = whole(request.limit, 'limit', 1, pageItemsMax);
    const { group, key, hold } = request.after ?? { group: '', key: '', hold: 0 };
    const ruled = request.ruled === undefined ? null : Number(request.ruled);
    const held: HeldRecord[] = [];
    let bytes = 0;
    for (const row of this.#page.iterate(group, key, hold, ruled, limit)) {
      bytes += row.value?.byteLength ?? 0;
      if (held.length > 0 && bytes > pageBytesMax) break;
      held.push(toRecord(row));
    }
    return { held };
  }

  #end(row: Row, scope: Scope): void {
    this.#close.run(scope.index, row.grp, row.key, row.hold);
    this.#announce({ group: row.grp, key: row.key, hold: row.hold }, scope);
    this.#drop.run(this.#limits.heldClosedMax);
  }

  #row({ group, key, hold }: HeldRef): Row {
    const row = this.#find.get(text(group, 'group', this.#limits.nameCharsMax), key, hold);
    return row ?? refuse('NOT_FOUND', `no turn of ${group}/${key} is held as ${hold}`);
  }

  #announce(ref: HeldRef, scope: Scope): HeldRecord {
    const held = toRecord(this.#row(ref));
    scope.emit({ type: 'held', held });
    return held;
  }
}

const NOTHING = new Uint8Array(0);

function toRecord(row: Row): HeldRecord {
  return {
    group: row.grp,
    key: row.key,
    hold: row.hold,
    request: row.request,
    step: row.step,
    idempotencyKey: row.step_key,
    since: row.since,
    over: row.closed !== null,
    ...present({ reason: row.reason, ruling: rulingOf(row) }),
  };
}

function rulingOf({ ruling, value }: Row): Ruling | null {
  if (ruling === 'done') return { type: 'done', value: value ?? NOTHING };
  if (ruling === 'fail') return { type: 'fail', reason: Buffer.from(value ?? NOTHING).toString() };
  return ruling === 'retry' ? { type: 'retry' } : null;
}
