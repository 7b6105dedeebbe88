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

/** A session while one batch of it is applied. */
export interface OpenSession {
  readonly session: number;
  readonly reach: Reach;
  /** Commands up to here are over for the client. */
  readonly acked: number;
  /** The largest number applied. */
  top: number;
}

/**
 * Sessions make commands happen exactly once: the reply to each (session, seq) is kept until the client has acknowledged it,
 * and a repetition gets it again. After the Raft dissertation, section 6.3, with a window of replies instead of the last one.
 */
export class Sessions {
  readonly #limits: LedgerLimits;
  readonly #find: Query<readonly [acked: number, top: number, reach: Reach]>;
  readonly #touch;
  readonly #saveTop;
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
    this.#find = prepareTuples(db, 'select acked, top, reach from sessions where session = ?');
    this.#touch = db.prepare('update sessions set seen = ?, acked = ? where session = ?');
    this.#saveTop = db.prepare('update sessions set top = ? where session = ?');
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
    const [before = 0, top = 0, opened] = this.#find.get(session) ?? [];
    if (opened !== reach) return undefined;
    if (acked > before) this.#trim.run(session, acked);
    this.#touch.run(now, Math.max(acked, before), session);
    return { session, reach, acked: Math.max(acked, before), top };
  }

  /**
   * The reply recorded for a command, if it was applied before.
   *
   * @throws TroupeError SESSION_EXPIRED for a command that the client has given up, OVERLOADED beyond the window
   */
  recorded(open: OpenSession, seq: number): Uint8Array | undefined {
    if (seq <= open.acked) refuse('SESSION_EXPIRED', 'the client has given this command up');
    if (seq > open.acked + this.#limits.sessionWindow) refuse('OVERLOADED', 'too many unacknowledged commands');
    return seq > open.top ? undefined : this.#reply.get(open.session, seq)?.[0];
  }

  /** Keeps the reply to a command. */
  record(open: OpenSession, seq: number, reply: Uint8Array): void {
    this.#record.run(open.session, seq, reply);
    if (seq > open.top) open.top = seq;
  }

  /** Ends a batch. */
  leave(open: OpenSession): void {
    this.#saveTop.run(open.top, open.session);
  }

  /** Forgets sessions that were idle for too long. */
  expire(now: number): void {
    for (const [session] of this.#idle.all(now, this.#limits.duePerEntryMax)) {
      this.#dropReplies.run(session);
      this.#drop.run(session);
    }
  }

  /** When the next session may expire, logged time. */
  nextDue(): number {
    return this.#nextDue.get()?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** How many there are; of one reach, or of all. */
  #sessions(reach: Reach | null): number {
    return this.#count.get(reach)?.[0] ?? 0;
  }
}
