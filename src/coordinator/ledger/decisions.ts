import type { DatabaseSync } from 'node:sqlite';
import { decode, encode } from '../codec.ts';
import type { Ballot, Commands, DecisionRecord, DecisionResult, DecisionRule, Queries } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { names, optionalText, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepare, prepareTuples, present, type Query } from './sql.ts';
import { closeTally, earlyTally, type Outcome, type Poll } from './tally.ts';

/** Tables of this concern. `terms` holds question, options and electors; `closed` is the result's epoch. */
export const DECISIONS_SCHEMA: string = `
create table decisions (
  id text primary key, terms blob not null, rule text not null, quorum integer not null,
  early_stop integer not null, closes_at integer not null, closed integer, result blob
) strict;
create index decisions_open on decisions (closes_at, id) where closed is null;
create unique index decisions_closed on decisions (closed) where closed is not null;
create table ballots (
  decision text not null, position integer not null, member text not null, choice text, reason text,
  primary key (decision, position)
) strict, without rowid;`;

interface DecisionRow {
  readonly id: string;
  readonly terms: Uint8Array;
  readonly rule: DecisionRule;
  readonly quorum: number;
  readonly early_stop: number;
  readonly closes_at: number;
  readonly result: Uint8Array | null;
}

interface BallotRow {
  readonly member: string;
  readonly choice: string | null;
  readonly reason: string | null;
}

interface Terms {
  readonly question: string;
  readonly options?: readonly string[];
  readonly electors: readonly string[];
}

const RULES: readonly DecisionRule[] = ['majority', 'plurality', 'unanimous'];

/** Votes of teams: each decision gets its one result, by its rule, when it is certain or when its time is over. */
export class Decisions {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #find: Query<DecisionRow>;
  readonly #ballots: Query<BallotRow>;
  readonly #openCount: Query<readonly [number]>;
  readonly #insert;
  readonly #cast;
  readonly #close;
  readonly #dropped: Query<readonly [string]>;
  readonly #drop;
  readonly #dropBallots;
  readonly #due: Query<readonly [string]>;
  readonly #nextDue: Query<readonly [number | null]>;
  readonly #page: Query<DecisionRow>;

  constructor(db: DatabaseSync, limits: LedgerLimits, shards: Shards) {
    this.#limits = limits;
    this.#shards = shards;
    this.#find = prepare(db, 'select * from decisions where id = ?');
    this.#ballots = prepare(db, 'select member, choice, reason from ballots where decision = ? order by position');
    this.#openCount = prepareTuples(db, 'select count(*) from decisions where closed is null');
    this.#insert = db.prepare('insert into decisions values (?, ?, ?, ?, ?, ?, null, null)');
    this.#cast = db.prepare('insert into ballots values (?, ?, ?, ?, ?)');
    this.#close = db.prepare('update decisions set closed = ?, result = ? where id = ?');
    this.#dropped = prepareTuples(db, 'select id from decisions where closed <= ?');
    this.#drop = db.prepare('delete from decisions where id = ?');
    this.#dropBallots = db.prepare('delete from ballots where decision = ?');
    this.#due = prepareTuples(
      db,
      'select id from decisions where closed is null and closes_at <= ? order by closes_at, id limit ?',
    );
    this.#nextDue = prepareTuples(db, 'select min(closes_at) from decisions where closed is null');
    this.#page = prepare(db, 'select * from decisions where id > ? and id >= ? order by id limit ?');
  }

  /** `decision.open`. */
  open(request: Commands['decision.open']['request'], scope: Scope): DecisionRecord {
    const { nameCharsMax, textCharsMax, electorsMax, decisionMsMax, decisionsOpenMax } = this.#limits;
    const id = text(request.id, 'id', nameCharsMax);
    const question = text(request.question, 'question', textCharsMax);
    const electors = names(request.electors, 'electors', electorsMax, nameCharsMax);
    const options = request.options && names(request.options, 'options', electorsMax, nameCharsMax);
    const quorum = whole(request.quorum, 'quorum', 0, electors.length);
    const deadlineMs = whole(request.deadlineMs, 'deadlineMs', 1, decisionMsMax);
    if (!RULES.includes(request.rule)) refuse('INVALID_ARGUMENT', 'rule must be majority, plurality or unanimous');
    const earlyStop = request.earlyStop ? 1 : 0;
    const terms = encode(options === undefined ? { question, electors } : { question, electors, options });

    const known = this.#find.get(id);
    if (known !== undefined) {
      const equal =
        Buffer.compare(known.terms, terms) === 0 &&
        known.rule === request.rule &&
        known.quorum === quorum &&
        known.early_stop === earlyStop;
      return equal ? this.#record(known) : refuse('ALREADY_EXISTS', `decision ${id} asks something else`);
    }
    if ((this.#openCount.get()?.[0] ?? 0) >= decisionsOpenMax) refuse('OVERLOADED', 'too many open decisions');
    this.#insert.run(id, terms, request.rule, quorum, earlyStop, scope.now + deadlineMs);
    scope.due(scope.now + deadlineMs);
    return this.#announce(id, scope);
  }

  /** `decision.cast`. */
  cast(request: Commands['decision.cast']['request'], scope: Scope): DecisionRecord {
    if (request.fence !== undefined) this.#shards.check(request.fence);
    const decision = this.get(request);
    const { nameCharsMax, reasonCharsMax } = this.#limits;
    const member = text(request.ballot.member, 'member', nameCharsMax);
    const choice = optionalText(request.ballot.choice, 'choice', nameCharsMax);
    const reason = optionalText(request.ballot.reason, 'reason', reasonCharsMax);
    if (!decision.electors.includes(member)) refuse('INVALID_ARGUMENT', `${member} has no vote in ${decision.id}`);
    if (choice !== null && decision.options !== undefined && !decision.options.includes(choice)) {
      refuse('INVALID_ARGUMENT', `${decision.id} has no option ${choice}`);
    }
    const earlier = decision.ballots.find((ballot) => ballot.member === member);
    if (earlier !== undefined) {
      if ((earlier.choice ?? null) === choice) return decision;
      refuse('ALREADY_EXISTS', `${member} has voted otherwise in ${decision.id}`);
    }
    if (decision.result !== undefined || decision.closesAt <= scope.now) {
      refuse('DECISION_CLOSED', `decision ${decision.id} is closed`);
    }
    this.#cast.run(decision.id, decision.ballots.length, member, choice, reason);
    scope.totals.ballots++;
    const ballots = [...decision.ballots, { member, ...present({ choice, reason }) }];
    const poll = pollOf(decision);
    const complete = ballots.length === decision.electors.length;
    const outcome = complete || decision.earlyStop ? earlyTally(poll, ballots) : undefined;
    if (outcome !== undefined) this.#conclude(decision.id, outcome, scope);
    return this.#announce(decision.id, scope);
  }

  /** `decision.close`. */
  close(request: Commands['decision.close']['request'], scope: Scope): DecisionRecord {
    const decision = this.get(request);
    return decision.result === undefined ? this.#closeNow(decision, scope) : decision;
  }

  /** Closes decisions whose time is over. */
  expire(scope: Scope): void {
    for (const [id] of this.#due.all(scope.now, this.#limits.duePerEntryMax)) this.#closeNow(this.get({ id }), scope);
  }

  /** When the next decision closes by itself, logged time. */
  nextDue(): number {
    return this.#nextDue.get()?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** `decision.get`. */
  get(request: Queries['decision.get']['request']): DecisionRecord {
    const row = this.#find.get(text(request.id, 'id', this.#limits.nameCharsMax));
    return row === undefined ? refuse('NOT_FOUND', `there is no decision ${request.id}`) : this.#record(row);
  }

  /** `decision.list`: in order of id. */
  list(request: Queries['decision.list']['request']): Queries['decision.list']['reply'] {
    const limit = whole(request.limit, 'limit', 1, this.#limits.pageItemsMax);
    const decisions: DecisionRecord[] = [];
    for (const row of this.#page.iterate(request.after ?? '', request.prefix, limit)) {
      if (!row.id.startsWith(request.prefix)) break;
      decisions.push(this.#record(row));
    }
    return { decisions };
  }

  #closeNow(decision: DecisionRecord, scope: Scope): DecisionRecord {
    this.#conclude(decision.id, closeTally(pollOf(decision), decision.ballots), scope);
    return this.#announce(decision.id, scope);
  }

  #conclude(id: string, outcome: Outcome, scope: Scope): void {
    const epoch = ++scope.totals.decisions;
    const result: DecisionResult = { ...outcome, index: scope.index, term: scope.term, epoch };
    this.#close.run(epoch, encode(result), id);
    for (const [old] of this.#dropped.all(epoch - this.#limits.decisionsClosedMax)) {
      this.#dropBallots.run(old);
      this.#drop.run(old);
    }
  }

  #announce(id: string, scope: Scope): DecisionRecord {
    const decision = this.get({ id });
    scope.emit({ type: 'decision', decision });
    return decision;
  }

  #record(row: DecisionRow): DecisionRecord {
    return {
      id: row.id,
      ...(decode(row.terms) as Terms),
      rule: row.rule,
      quorum: row.quorum,
      earlyStop: row.early_stop === 1,
      closesAt: row.closes_at,
      ballots: this.#ballots.all(row.id).map(toBallot),
      ...present({ result: row.result === null ? null : (decode(row.result) as DecisionResult) }),
    };
  }
}

function pollOf({ rule, electors, quorum, options }: DecisionRecord): Poll {
  return { rule, electors: electors.length, quorum, options: options?.length };
}

function toBallot({ member, choice, reason }: BallotRow): Ballot {
  return { member, ...present({ choice, reason }) };
}
