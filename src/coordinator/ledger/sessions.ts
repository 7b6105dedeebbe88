import type { DatabaseSync } from 'node:sqlite';
import type { Reach } from '../codec.ts';
import type { Commands } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { refuse, whole } from './check.ts';
import type { Scope } from './scope.ts';
import { prepareTuples, type Query } from './sql.ts';

/** Tables of this concern. */
export const SESSIONS_SCHEMA: string = `
create table sessions (
  session integer primary key, idle_ms integer not null, seen integer not null,
  acked integer not null, top integer not null, reach text not null
) strict;
create table replies (
  session integer not null, seq integer not null, reply blob not null, primary key (session, seq)
) strict, without rowid;`;

/** A session that was used since the last flush. */
export interface OpenSession {
  readonly session: number;
  readonly reach: Reach;
  /** When it was last used, logged time. */
  seen: number;
  /** Commands up to here are over for the client. */
  acked: number;
  /** The largest number applied. */
  top: number;
  /** Replies that aren't in the table, by number. Some of the first may be over. */
  readonly replies: Map<number, Uint8Array>;
}

/**
 * Sessions make commands happen exactly once: the reply to each (session, seq) is kept until the client has acknowledged it,
 * and a repetition gets it again. After the Raft dissertation, section 6.3, with a window of replies instead of the last one.
 * What changes is written when the transaction is committed: most replies are over by then.
 */
export class Sessions {
  readonly #limits: LedgerLimits;
  /** Those used since the last flush. */
  readonly #open: Map<number, OpenSession> = new Map();
  readonly #find: Query<readonly [seen: number, acked: number, top: number, reach: Reach]>;
  readonly #save;
  readonly #trim;
  readonly #reply: Query<readonly [Uint8Array]>;
  readonly #record;
  readonly #insert;
  readonly #count: Query<readonly [number]>;
  readonly #nextDue: Query<readonly [number | null]>;
  readonly #idle: Query<readonly [number]>;
  readonly #drop;
  readonly #dropReplies;

  constructor(db: DatabaseSync, limits: LedgerLimits) {
    this.#limits = limits;
    this.#find = prepareTuples(db, 'select seen, acked, top, reach from sessions where session = ?');
    this.#save = db.prepare('update sessions set seen = ?, acked = ?, top = ? where session = ?');
    this.#trim = db.prepare('delete from replies where session = ? and seq <= ?');
    this.#reply = prepareTuples(db, 'select reply from replies where session = ? and seq = ?');
    this.#record = db.prepare('insert into replies values (?, ?, ?)');
    this.#insert = db.prepare('insert into sessions values (?, ?, ?, 0, 0, ?)');
    this.#count = prepareTuples(db, 'select count(*) from sessions where reach = ?1 or ?1 is null');
    this.#nextDue = prepareTuples(db, 'select min(seen + idle_ms) from sessions');
    this.#idle = prepareTuples(db, 'select session from sessions where seen + idle_ms <= ? order by session limit ?');
    this.#drop = db.prepare('delete from sessions where session = ?');
    this.#dropReplies = db.prepare('delete from replies where session = ?');
  }

  /** Opens a session named after its log entry. @throws TroupeError OVERLOADED, INVALID_ARGUMENT */
  open(request: Commands['session.open']['request'], scope: Scope): Commands['session.open']['reply'] {
    const idleMs = whole(request.idleMs, 'idleMs', 1, this.#limits.sessionIdleMsMax);
    if (this.#find.get(scope.index) !== undefined) refuse('ALREADY_EXISTS', 'one entry opens one session');
    const { sessionsMax, sessionsOfClientsMax } = this.#limits;
    const full = this.#sessions(null) >= sessionsMax;
    const crowded = scope.reach === 'values' && this.#sessions(scope.reach) >= sessionsOfClientsMax;
    if (full || crowded) refuse('OVERLOADED', 'too many sessions');
    this.#insert.run(scope.index, idleMs, scope.now, scope.reach);
    scope.due(scope.now + idleMs);
    return { session: scope.index };
  }

  /**
   * Begins a batch: notes that the client lives and drops replies it has. Undefined when the session is unknown, or is one of
   * another reach: clients outside the cluster can't use up the numbers of those inside.
   */
  enter(session: number, reach: Reach, acked: number, now: number): OpenSession | undefined {
    const open = this.#open.get(session) ?? this.#recall(session);
    if (open?.reach !== reach) return undefined;
    open.seen = now;
    if (acked > open.acked) open.acked = acked;
    for (const seq of open.replies.keys()) {
      if (seq > acked) break;
      open.replies.delete(seq);
    }
    return open;
  }

  /**
   * The reply recorded for a command, if it was applied before.
   *
   * @throws TroupeError SESSION_EXPIRED for a command that the client has given up, OVERLOADED beyond the window
   */
  recorded(open: OpenSession, seq: number): Uint8Array | undefined {
    if (seq <= open.acked) refuse('SESSION_EXPIRED', 'the client has given this command up');
    if (seq > open.acked + this.#limits.sessionWindow) refuse('OVERLOADED', 'too many unacknowledged commands');
    if (seq > open.top) return undefined;
    return open.replies.get(seq) ?? this.#reply.get(open.session, seq)?.[0];
  }

  /** Keeps the reply to a command. */
  record(open: OpenSession, seq: number, reply: Uint8Array): void {
    open.replies.set(seq, reply);
    if (seq > open.top) open.top = seq;
  }

  /** Writes what has changed. */
  flush(): void {
    for (const { session, seen, acked, top, replies } of this.#open.values()) {
      this.#save.run(seen, acked, top, session);
      this.#trim.run(session, acked);
      for (const [seq, reply] of replies) if (seq > acked) this.#record.run(session, seq, reply);
    }
    this.#open.clear();
  }

  /** The tables have changed in another way: a transaction was taken back, or the state was replaced. */
  forget(): void {
    this.#open.clear();
  }

  /** Forgets sessions that were idle for too long. */
  expire(now: number): void {
    this.flush();
    for (const [session] of this.#idle.all(now, this.#limits.duePerEntryMax)) {
      this.#dropReplies.run(session);
      this.#drop.run(session);
    }
  }

  /** When the next session may expire, logged time; earlier perhaps, while some aren't written. */
  nextDue(): number {
    return this.#nextDue.get()?.[0] ?? Number.POSITIVE_INFINITY;
  }

  #recall(session: number): OpenSession | undefined {
    const row = this.#find.get(session);
    if (row === undefined) return undefined;
    const [seen, acked, top, reach] = row;
    const open: OpenSession = { session, reach, seen, acked, top, replies: new Map() };
    this.#open.set(session, open);
    return open;
  }

  /** How many there are; of one reach, or of all. */
  #sessions(reach: Reach | null): number {
    return this.#count.get(reach)?.[0] ?? 0;
  }
}
