import { invariant, type Logger, nullLogger, type Span, TroupeError } from '../../core/index.ts';
import { type Batch, type Command, encodeRefusal, encodeReply, join, type Reach, readEntry } from '../codec.ts';
import type { CommandName, Commands, LedgerEvent, LedgerStats, Members, Queries, QueryName } from '../commands.ts';
import { LEDGER_LIMITS, type LedgerLimits } from '../limits.ts';
import type { LogConsumer, LogEntry } from '../port.ts';
import { BLOBS_SCHEMA, Blobs } from './blobs.ts';
import { asRefusal, sqliteCode } from './check.ts';
import { LedgerFile } from './database.ts';
import { DECISIONS_SCHEMA, Decisions } from './decisions.ts';
import { HELD_SCHEMA, Held } from './held.ts';
import { HISTORIES_SCHEMA, Histories } from './histories.ts';
import { JOURNALS_SCHEMA, Journals, recordsByJournal } from './journals.ts';
import { KV_SCHEMA, Values } from './kv.ts';
import { NODES_SCHEMA, Nodes } from './nodes.ts';
import type { Scope, Totals } from './scope.ts';
import { type OpenSession, SESSIONS_SCHEMA, Sessions } from './sessions.ts';
import { SHARDS_SCHEMA, Shards } from './shards.ts';
import { digestImage, readImage, type TableOrder, writeImage } from './snapshot.ts';
import { prepare } from './sql.ts';
import { TASKS_SCHEMA, Tasks } from './tasks.ts';
import { VOTERS_SCHEMA, Voters } from './voters.ts';
import { WAKES_SCHEMA, Wakes } from './wakes.ts';

/** How far the ledger is; one row. */
const META_SCHEMA = `
create table meta (
  one integer primary key, applied integer not null, time integer not null, ballots integer not null,
  decisions integer not null, tasks_completed integer not null, journal_records integer not null,
  puts integer not null, vals integer not null, val_bytes integer not null
) strict;
insert into meta values (1, 0, 0, 0, 0, 0, 0, 0, 0, 0);`;

const SCHEMA = [
  META_SCHEMA,
  SESSIONS_SCHEMA,
  VOTERS_SCHEMA,
  NODES_SCHEMA,
  SHARDS_SCHEMA,
  DECISIONS_SCHEMA,
  TASKS_SCHEMA,
  JOURNALS_SCHEMA,
  HISTORIES_SCHEMA,
  BLOBS_SCHEMA,
  WAKES_SCHEMA,
  HELD_SCHEMA,
  KV_SCHEMA,
].join('\n');

/** Every table of the state, in the order of an image. */
const TABLES: readonly TableOrder[] = [
  { table: 'meta', order: 'one' },
  { table: 'sessions', order: 'session' },
  { table: 'replies', order: 'session, seq' },
  { table: 'voters', order: 'member' },
  { table: 'nodes', order: 'node' },
  { table: 'groups', order: 'grp' },
  { table: 'shards', order: 'grp, shard' },
  { table: 'decisions', order: 'id' },
  { table: 'ballots', order: 'decision, position' },
  { table: 'jobs', order: 'id' },
  { table: 'tasks', order: 'job, position' },
  { table: 'journals', order: 'journal' },
  { table: 'journal_snapshots', order: 'journal' },
  { table: 'journal_records', order: 'start', alike: recordsByJournal },
  { table: 'histories', order: 'journal' },
  { table: 'history_items', order: 'journal, position' },
  { table: 'blobs', order: 'id' },
  { table: 'blob_parts', order: 'id, part' },
  { table: 'blob_refs', order: 'journal, id' },
  { table: 'blob_total', order: 'one' },
  { table: 'wakes', order: 'journal' },
  { table: 'held', order: 'grp, key, hold' },
  { table: 'kv', order: 'key' },
];

interface MetaRow {
  readonly applied: number;
  readonly time: number;
  readonly ballots: number;
  readonly decisions: number;
  readonly tasks_completed: number;
  readonly journal_records: number;
  readonly puts: number;
  readonly vals: number;
  readonly val_bytes: number;
}

type CommandHandlers = {
  readonly [N in CommandName]: (request: Commands[N]['request'], scope: Scope) => Commands[N]['reply'];
};
type QueryHandlers = { readonly [N in QueryName]: (request: Queries[N]['request']) => Queries[N]['reply'] };

/** Commands that need no session: their repetition is harmless. */
const SESSIONLESS: readonly string[] = ['session.open', 'clock.tick'] satisfies CommandName[];

/** Commands that clients outside the cluster may send as they are. */
const OPEN_TO_CLIENTS: readonly string[] = ['session.open', 'kv.put', 'kv.delete'] satisfies CommandName[];

/**
 * Commands that need no savepoint, or begin it themselves when they do: they check everything before they write, and write once. A savepoint
 * costs as much as such a write.
 */
const GUARDED_BY_THEMSELVES: readonly string[] = [
  'journal.append',
  'kv.put',
  'kv.delete',
  'clock.tick',
] satisfies CommandName[];

const SQLITE_FULL = 13;
/** A transaction is committed when it holds so many log entries, or entries or replies of so many bytes. */
export const UNCOMMITTED_ENTRIES_MAX = 512;
const UNCOMMITTED_BYTES_MAX = 8 * 1024 * 1024;

/** Hears what entries changed, after it is committed. */
export interface LedgerListener {
  /** Everything that entries up to `index` changed since the last call. */
  changed(index: number, events: readonly LedgerEvent[]): void;
  /** The whole state was replaced by a snapshot. */
  replaced(): void;
}

/** How a ledger is opened. */
export interface LedgerOptions {
  /** SQLite file, or `:memory:` (default). */
  readonly path?: string;
  readonly limits?: Partial<LedgerLimits>;
  /** Names this start of the machine; for tests. */
  readonly bootId?: string;
  readonly logger?: Logger;
}

/**
 * The coordinator's deterministic state machine: the same entries give the same state, replies and events on every voter,
 * however they are batched. Time is logged time: the largest stamp so far. It acts at each entry before the entry's commands
 * do, so `clock.tick` carries nothing but a stamp.
 *
 * @example
 * const ledger = new Ledger({ path: ':memory:' });
 * ledger.apply([{ index: 1, term: 1, data: stampEntry(clock.now(), batch) }]);
 */
export class Ledger implements LogConsumer {
  readonly #file: LedgerFile;
  readonly #limits: LedgerLimits;
  readonly #sessions: Sessions;
  readonly #decisions: Decisions;
  readonly #tasks: Tasks;
  readonly #voters: Voters;
  readonly #nodes: Nodes;
  readonly #shards: Shards;
  readonly #journals: Journals;
  readonly #blobs: Blobs;
  readonly #loadMeta;
  readonly #saveMeta;
  readonly #savepoint;
  readonly #release;
  readonly #commands: CommandHandlers;
  readonly #queries: QueryHandlers;
  #applied = 0;
  #time = 0;
  /** Nothing happens by itself before this logged time; it may be early, never late. */
  #due = Number.POSITIVE_INFINITY;
  #totals: Totals = {
    ballots: 0,
    decisions: 0,
    tasksCompleted: 0,
    journalRecords: 0,
    puts: 0,
    values: 0,
    valueBytes: 0,
  };
  #events: LedgerEvent[] = [];
  /** Whether the command that runs has a savepoint. */
  #guarded = false;
  #listener: LedgerListener | undefined;
  readonly #traced: Map<Uint8Array, () => Span> = new Map();
  #restoring = false;
  #uncommittedEntries = 0;
  #uncommittedBytes = 0;
  /** What made an apply or a commit fail: what was answered for and what is in the file have parted. */
  #failure: unknown;

  constructor(options: LedgerOptions = {}) {
    this.#file = LedgerFile.open(options.path ?? ':memory:', SCHEMA, options.logger ?? nullLogger, options.bootId);
    this.#limits = { ...LEDGER_LIMITS, ...options.limits };
    const { db } = this.#file;
    this.#loadMeta = prepare<MetaRow>(db, 'select * from meta');
    this.#saveMeta = db.prepare(
      `update meta set applied = ?, time = ?, ballots = ?, decisions = ?, tasks_completed = ?, journal_records = ?,
       puts = ?, vals = ?, val_bytes = ?`,
    );
    this.#savepoint = db.prepare('savepoint command');
    this.#release = db.prepare('release command');
    const sessions = new Sessions(db, this.#limits);
    const shards = new Shards(db, this.#limits, (ref, group) => nodes.mayOwn(ref, group));
    const voters = new Voters(db);
    const nodes = new Nodes(db, this.#limits, shards, voters);
    const decisions = new Decisions(db, this.#limits, shards);
    const tasks = new Tasks(db, this.#limits, shards);
    const blobs = new Blobs(db, this.#limits);
    const histories = new Histories(db, this.#limits);
    const journals = new Journals(db, this.#limits, shards, histories, blobs, new Wakes(db, this.#limits));
    const held = new Held(db, this.#limits, shards);
    const values = new Values(db, this.#limits);
    this.#sessions = sessions;
    this.#decisions = decisions;
    this.#tasks = tasks;
    this.#voters = voters;
    this.#nodes = nodes;
    this.#shards = shards;
    this.#journals = journals;
    this.#blobs = blobs;
    this.#commands = {
      'session.open': (request, scope) => sessions.open(request, scope),
      'node.join': (request, scope) => nodes.join(request, scope),
      'node.mark': (request, scope) => nodes.mark(request, scope),
      'node.leave': (request, scope) => nodes.leave(request, scope),
      'node.down': (request, scope) => nodes.down(request, scope),
      'shards.place': (request, scope) => shards.place(request, scope),
      'shards.transfer': (request, scope) => shards.transfer(request, scope),
      'decision.open': (request, scope) => decisions.open(request, scope),
      'decision.cast': (request, scope) => decisions.cast(request, scope),
      'decision.close': (request, scope) => decisions.close(request, scope),
      'job.open': (request, scope) => tasks.open(request, scope),
      'job.add': (request, scope) => tasks.add(request, scope),
      'job.close': (request, scope) => tasks.close(request, scope),
      'task.claim': (request, scope) => tasks.claim(request, scope),
      'task.settle': (request, scope) => tasks.settle(request, scope),
      'journal.append': (request, scope) => journals.append(request, scope),
      'journal.delete': (request, scope) => journals.delete(request, scope),
      'blob.put': (request, scope) => blobs.put(request, scope),
      'held.place': (request, scope) => held.place(request, scope),
      'held.rule': (request, scope) => held.rule(request, scope),
      'held.release': (request, scope) => held.release(request, scope),
      'kv.put': (request, scope) => values.put(request, scope),
      'kv.delete': (request, scope) => values.delete(request, scope),
      'clock.tick': () => ({}),
    };
    this.#queries = {
      'cluster.view': () => this.#view(),
      'decision.get': (request) => decisions.get(request),
      'decision.list': (request) => decisions.list(request),
      'job.get': (request) => tasks.get(request),
      'job.list': (request) => tasks.listJobs(request),
      'job.tasks': (request) => tasks.list(request),
      'journal.read': (request) => journals.read(request),
      'journal.history': (request) => journals.history(request),
      'journal.wakes': (request) => journals.wakes(request),
      'blob.read': (request) => blobs.read(request),
      'held.list': (request) => held.list(request),
      'held.get': (request) => held.get(request),
      'kv.get': (request) => values.get(request),
      'kv.list': (request) => values.list(request),
      'ledger.stats': () => this.#stats(),
    };
    this.#load();
  }

  get appliedIndex(): number {
    return this.#applied;
  }

  /** Logged time, ms since 1970; 0 before the first entry. */
  get time(): number {
    return this.#time;
  }

  /** Logged time at which something may happen by itself; early perhaps, never late. Infinity when nothing will. */
  get dueAt(): number {
    return this.#due;
  }

  /** Tells the one listener of each committed change. */
  listen(listener: LedgerListener): void {
    this.#listener = listener;
  }

  /** Starts a span of an entry's own while it is applied here; returns what takes that back. For the few that are sampled. */
  trace(entry: Uint8Array, start: () => Span): () => void {
    this.#traced.set(entry, start);
    return () => this.#traced.delete(entry);
  }

  /**
   * Applies entries. Transactions go on over several calls, as committing one costs more than a small batch; the index they
   * reach is in the same transaction, so a process that is killed finds an older state and applies the rest again.
   *
   * @returns for each entry its encoded replies, one after the other: one per command
   * @throws TroupeError DISK_FULL, or whatever else made SQLite fail; nothing was changed then, and nothing can be any more
   */
  apply(entries: readonly LogEntry[]): readonly Uint8Array[] {
    invariant(!this.#restoring, 'an entry is applied while a snapshot is restored');
    if (this.#failure !== undefined) throw this.#failure;
    const replies: Uint8Array[] = [];
    try {
      this.#begin();
      for (const entry of entries) {
        invariant(entry.index > this.#applied, `entry ${entry.index} comes after ${this.#applied}`);
        const span = this.#traced.size === 0 ? undefined : this.#traced.get(entry.data)?.();
        if (entry.members !== undefined) this.#applyMembers(entry, entry.members);
        replies.push(entry.data.byteLength === 0 ? NOTHING : this.#applyEntry(entry));
        span?.end();
        this.#applied = entry.index;
      }
      this.#uncommittedEntries += entries.length;
      for (const { data } of entries) this.#uncommittedBytes += data.byteLength;
      for (const { byteLength } of replies) this.#uncommittedBytes += byteLength;
      const much = this.#uncommittedBytes >= UNCOMMITTED_BYTES_MAX;
      if (much || this.#uncommittedEntries >= UNCOMMITTED_ENTRIES_MAX) this.#commit();
    } catch (error) {
      throw this.#failed(error);
    }
    if (this.#events.length > 0) {
      const events = this.#events;
      this.#events = [];
      this.#listener?.changed(this.#applied, events);
    }
    return replies;
  }

  /**
   * Answers a query from the state as it is.
   *
   * @throws TroupeError the query's refusals, INVALID_ARGUMENT for an unknown one, NODE_UNAVAILABLE while a snapshot is
   * being restored, and after a failure, which takes back what had been answered for
   */
  query<N extends QueryName>(name: N, request: Queries[N]['request']): Queries[N]['reply'] {
    if (this.#restoring) throw new TroupeError('NODE_UNAVAILABLE', 'this voter is being restored from a snapshot');
    if (this.#failure !== undefined) {
      throw new TroupeError('NODE_UNAVAILABLE', 'the ledger of this voter has failed', { cause: this.#failure });
    }
    if (!Object.hasOwn(this.#queries, name)) throw new TroupeError('INVALID_ARGUMENT', `there is no query ${name}`);
    try {
      return this.#queries[name](request);
    } catch (error) {
      throw asRefusal(error) ?? error;
    }
  }

  /** An image as of now, in chunks of at most 64 KiB: entries applied while it is read don't show in it. */
  snapshot(): Iterable<Uint8Array> {
    invariant(!this.#restoring, 'a snapshot is taken while one is restored');
    this.#commit();
    const reader = this.#file.reader();
    if (reader === undefined) return [...writeImage(this.#file.db, TABLES, this.#applied)];
    return readOut(reader, this.#applied);
  }

  /**
   * Replaces the whole state, or on error nothing. A ledger that had failed is whole again.
   *
   * @throws TroupeError SNAPSHOT_CORRUPT; also what the chunks' source throws
   */
  async restore(index: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    invariant(!this.#restoring, 'two snapshots are restored at once');
    const { db } = this.#file;
    this.#commit();
    this.#restoring = true;
    db.exec('begin immediate');
    try {
      const found = await readImage(db, TABLES, chunks);
      if (found !== index) throw new TroupeError('SNAPSHOT_CORRUPT', `the image is of index ${found}, not of ${index}`);
      db.exec('commit');
      this.#failure = undefined;
    } catch (error) {
      if (db.isTransaction) db.exec('rollback');
      throw error;
    } finally {
      this.#restoring = false;
      this.#load();
    }
    this.#listener?.replaced();
  }

  /** SHA-256 over the whole state: two voters that applied the same log have the same. */
  digest(): string {
    this.#commit();
    return digestImage(this.#file.db, TABLES, this.#applied);
  }

  close(): void {
    if (this.#failure === undefined) this.#commit();
    this.#file.close();
  }

  #begin(): void {
    const { db } = this.#file;
    if (!db.isTransaction) db.exec('begin immediate');
  }

  #commit(): void {
    const { db } = this.#file;
    if (!db.isTransaction) return;
    const { ballots, decisions, tasksCompleted, journalRecords, puts, values, valueBytes } = this.#totals;
    const counts = [ballots, decisions, tasksCompleted, journalRecords, puts, values, valueBytes];
    try {
      this.#sessions.flush();
      this.#journals.flush();
      this.#saveMeta.run(this.#applied, this.#time, ...counts);
      db.exec('commit');
    } catch (error) {
      throw this.#failed(error);
    }
    this.#uncommittedEntries = 0;
    this.#uncommittedBytes = 0;
  }

  /** Takes back what isn't committed, and lets nothing be built on what is left. @returns why, for every later call */
  #failed(error: unknown): unknown {
    if (this.#failure !== undefined) return this.#failure;
    const { db } = this.#file;
    if (db.isTransaction) db.exec('rollback');
    this.#events = [];
    this.#load();
    const full = sqliteCode(error) === SQLITE_FULL;
    this.#failure = full ? new TroupeError('DISK_FULL', 'no room for the ledger', { cause: error }) : error;
    return this.#failure;
  }

  #applyEntry(entry: LogEntry): Uint8Array {
    let batch: Batch;
    let time: number;
    let reach: Reach;
    try {
      ({ batch, time, reach } = readEntry(entry.data));
    } catch (error) {
      return encodeRefusal(asRefusal(error) ?? rethrow(error));
    }
    if (time > this.#time) this.#time = time;
    if (this.#due <= this.#time) this.#act(entry);
    if (batch.session === 0)
      return join(batch.commands.map(({ name, request }) => this.#once(entry, reach, name, request)));

    const session = this.#sessions.enter(batch.session, reach, batch.acked, this.#time);
    if (session === undefined) {
      const refusal = encodeRefusal(new TroupeError('SESSION_EXPIRED', `there is no session ${batch.session}`));
      return join(batch.commands.map(() => refusal));
    }
    return join(batch.commands.map((command) => this.#inSession(entry, session, command)));
  }

  /** The log's own members change. */
  #applyMembers(entry: LogEntry, members: Members): void {
    const scope = this.#scope(entry);
    this.#voters.change(members, scope);
    this.#nodes.vote(scope);
  }

  /** Lets logged time act. */
  #act(entry: LogEntry): void {
    const scope = this.#scope(entry);
    this.#sessions.expire(scope.now);
    this.#decisions.expire(scope);
    this.#tasks.expire(scope.now);
    this.#blobs.expire(scope.now);
    this.#totals = scope.totals;
    this.#due = this.#nextDue();
  }

  #inSession(entry: LogEntry, session: OpenSession, { seq, name, request }: Command): Uint8Array {
    try {
      const recorded = this.#sessions.recorded(session, seq);
      if (recorded !== undefined) return recorded;
    } catch (error) {
      return encodeRefusal(asRefusal(error) ?? rethrow(error));
    }
    const reply = this.#run(entry, session.reach, name, request);
    this.#sessions.record(session, seq, reply);
    return reply;
  }

  #once(entry: LogEntry, reach: Reach, name: string, request: unknown): Uint8Array {
    if (SESSIONLESS.includes(name)) return this.#run(entry, reach, name, request);
    return encodeRefusal(new TroupeError('INVALID_ARGUMENT', `${name} needs a session`));
  }

  /** Runs one command; what it changed stays only if it isn't refused. */
  #run(entry: LogEntry, reach: Reach, name: string, request: unknown): Uint8Array {
    if (reach === 'values' && !OPEN_TO_CLIENTS.includes(name)) {
      return encodeRefusal(new TroupeError('INVALID_ARGUMENT', `${name} is not for clients`));
    }
    if (!Object.hasOwn(this.#commands, name)) {
      return encodeRefusal(new TroupeError('INVALID_ARGUMENT', `there is no command ${name}`));
    }
    const handler = this.#commands[name as CommandName] as (request: unknown, scope: Scope) => unknown;
    const { db } = this.#file;
    const scope = this.#scope(entry, reach);
    const events = this.#events.length;
    this.#guarded = false;
    if (!GUARDED_BY_THEMSELVES.includes(name)) scope.guard();
    try {
      const reply = encodeReply(handler(request, scope));
      if (this.#guarded) this.#release.run();
      this.#totals = scope.totals;
      return reply;
    } catch (error) {
      const refusal = asRefusal(error) ?? rethrow(error);
      if (this.#guarded) db.exec('rollback to command; release command');
      this.#shards.forget();
      this.#events.length = events;
      return encodeRefusal(refusal);
    }
  }

  #scope({ index, term }: LogEntry, reach: Reach = 'all'): Scope {
    const now = this.#time;
    return {
      index,
      term,
      reach,
      now,
      totals: { ...this.#totals },
      emit: (change) => this.#events.push({ index, term, time: now, ...change }),
      guard: () => {
        if (this.#guarded) return;
        this.#savepoint.run();
        this.#guarded = true;
      },
      due: (at) => {
        if (at < this.#due) this.#due = at;
      },
    };
  }

  #nextDue(): number {
    const concerns = [this.#sessions, this.#decisions, this.#tasks, this.#blobs];
    return Math.min(...concerns.map((concern) => concern.nextDue()));
  }

  #load(): void {
    this.#sessions.forget();
    this.#shards.forget();
    this.#journals.forget();
    const meta = this.#loadMeta.get();
    invariant(meta !== undefined, 'the ledger has lost its place');
    this.#applied = meta.applied;
    this.#time = meta.time;
    this.#totals = {
      ballots: meta.ballots,
      decisions: meta.decisions,
      tasksCompleted: meta.tasks_completed,
      journalRecords: meta.journal_records,
      puts: meta.puts,
      values: meta.vals,
      valueBytes: meta.val_bytes,
    };
    this.#due = this.#nextDue();
  }

  #view(): Queries['cluster.view']['reply'] {
    const members = this.#voters.members();
    return {
      index: this.#applied,
      nodes: this.#nodes.list(),
      groups: this.#shards.listGroups(),
      shards: this.#shards.listShards(),
      ...(members === undefined ? {} : { members }),
    };
  }

  #stats(): LedgerStats {
    return { index: this.#applied, ...this.#totals };
  }
}

const NOTHING = new Uint8Array(0);

function* readOut(reader: ReturnType<LedgerFile['reader']> & object, index: number): Generator<Uint8Array> {
  try {
    yield* writeImage(reader, TABLES, index);
  } finally {
    reader.close();
  }
}

function rethrow(error: unknown): never {
  throw error;
}
