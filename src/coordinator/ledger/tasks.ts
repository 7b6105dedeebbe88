import type { DatabaseSync } from 'node:sqlite';
import type { Commands, JobRecord, LedgerChange, Queries, TaskRecord } from '../commands.ts';
import type { LedgerLimits } from '../limits.ts';
import { blob, list, refuse, text, whole } from './check.ts';
import type { Scope } from './scope.ts';
import type { Shards } from './shards.ts';
import { prepare, prepareTuples, present, type Query } from './sql.ts';

/** Tables of this concern. `closed` is the log index at which a job ended. */
export const TASKS_SCHEMA: string = `
create table jobs (
  id text primary key, state text not null, sealed integer not null, tasks integer not null,
  completed integer not null, failed integer not null, spec blob not null, closed integer
) strict;
create index jobs_closed on jobs (closed, id) where closed is not null;
create table tasks (
  job text not null, position integer not null, task text not null, input blob not null, state text not null,
  claim_epoch integer not null, claimed_by text, lease_until integer, result blob,
  primary key (job, position)
) strict;
create unique index tasks_by_name on tasks (job, task);
create index tasks_waiting on tasks (job, position) where state = 'waiting';
create index tasks_claimed on tasks (lease_until, job, position) where state = 'claimed';`;

interface JobRow {
  readonly id: string;
  readonly state: JobRecord['state'];
  readonly sealed: number;
  readonly tasks: number;
  readonly completed: number;
  readonly failed: number;
  readonly spec: Uint8Array;
}

interface TaskRow {
  readonly job: string;
  readonly position: number;
  readonly task: string;
  readonly input: Uint8Array;
  readonly state: TaskRecord['state'];
  readonly claim_epoch: number;
  readonly claimed_by: string | null;
  readonly lease_until: number | null;
  readonly result: Uint8Array | null;
}

type Settled = Extract<LedgerChange, { type: 'job' }>['settled'][number];

/** Jobs and their tasks. A task is done under a claim: a lease in logged time, and an epoch that fences what comes late. */
export class Tasks {
  readonly #limits: LedgerLimits;
  readonly #shards: Shards;
  readonly #findJob: Query<JobRow>;
  readonly #listJobs: Query<JobRow>;
  readonly #openJobs: Query<readonly [number]>;
  readonly #insertJob;
  readonly #saveJob;
  readonly #oldJobs: Query<readonly [string]>;
  readonly #dropJob;
  readonly #dropTasks;
  readonly #insertTask;
  readonly #waiting: Query<TaskRow>;
  readonly #claim;
  readonly #find: Query<readonly [number, TaskRecord['state'], number, number | null]>;
  readonly #settle;
  readonly #free;
  readonly #freeJob;
  readonly #lapsed: Query<readonly [string, number]>;
  readonly #nextDue: Query<readonly [number | null]>;
  readonly #page: Query<TaskRow>;

  constructor(db: DatabaseSync, limits: LedgerLimits, shards: Shards) {
    this.#limits = limits;
    this.#shards = shards;
    this.#findJob = prepare(db, 'select * from jobs where id = ?');
    this.#listJobs = prepare(
      db,
      'select * from jobs where id > ?1 and (?2 is null or state = ?2) order by id limit ?3',
    );
    this.#openJobs = prepareTuples(db, 'select count(*) from jobs where closed is null');
    this.#insertJob = db.prepare(`insert into jobs values (?, 'open', 0, 0, 0, 0, ?, null)`);
    this.#saveJob = db.prepare(
      'update jobs set state = ?, sealed = ?, tasks = ?, completed = ?, failed = ?, closed = ? where id = ?',
    );
    this.#oldJobs = prepareTuples(
      db,
      'select id from jobs where closed is not null order by closed desc, id limit -1 offset ?',
    );
    this.#dropJob = db.prepare('delete from jobs where id = ?');
    this.#dropTasks = db.prepare('delete from tasks where job = ?');
    this.#insertTask = db.prepare(
      `insert into tasks values (?, ?, ?, ?, 'waiting', 0, null, null, null) on conflict (job, task) do nothing`,
    );
    this.#waiting = prepare(db, `select * from tasks where job = ? and state = 'waiting' order by position limit ?`);
    this.#claim = db.prepare(
      `update tasks set state = 'claimed', claim_epoch = claim_epoch + 1, claimed_by = ?, lease_until = ?
       where job = ? and position = ?`,
    );
    this.#find = prepareTuples(
      db,
      'select position, state, claim_epoch, lease_until from tasks where job = ? and task = ?',
    );
    this.#settle = db.prepare(
      'update tasks set state = ?, lease_until = null, result = ? where job = ? and position = ?',
    );
    this.#free = db.prepare(
      `update tasks set state = 'waiting', claimed_by = null, lease_until = null where job = ? and position = ?`,
    );
    this.#freeJob = db.prepare(
      `update tasks set state = 'waiting', claimed_by = null, lease_until = null where job = ? and state = 'claimed'`,
    );
    this.#lapsed = prepareTuples(
      db,
      `select job, position from tasks where state = 'claimed' and lease_until <= ?
       order by lease_until, job, position limit ?`,
    );
    this.#nextDue = prepareTuples(db, `select min(lease_until) from tasks where state = 'claimed'`);
    this.#page = prepare(
      db,
      'select * from tasks where job = ?1 and position > ?2 and (?3 is null or state = ?3) order by position limit ?4',
    );
  }

  /** `job.open`. */
  open(request: Commands['job.open']['request'], scope: Scope): JobRecord {
    const id = text(request.id, 'id', this.#limits.nameCharsMax);
    const spec = blob(request.spec, 'spec', this.#limits.blobBytesMax);
    const known = this.#findJob.get(id);
    if (known !== undefined) {
      return Buffer.compare(known.spec, spec) === 0 ? toJob(known) : refuse('ALREADY_EXISTS', `job ${id} is another`);
    }
    if ((this.#openJobs.get()?.[0] ?? 0) >= this.#limits.jobsOpenMax) refuse('OVERLOADED', 'too many open jobs');
    this.#insertJob.run(id, spec);
    return this.#announce(this.get({ id }), [], scope);
  }

  /** `job.add`. */
  add(request: Commands['job.add']['request'], scope: Scope): JobRecord {
    const { tasksPerCommandMax, tasksPerJobMax, nameCharsMax, blobBytesMax } = this.#limits;
    const job = this.get(request);
    let tasks = job.tasks;
    for (const item of list(request.items, 'items', tasksPerCommandMax)) {
      const task = text(item.id, 'task', nameCharsMax);
      const input = blob(item.input, 'input', blobBytesMax);
      tasks += Number(this.#insertTask.run(job.id, tasks, task, input).changes);
    }
    if (tasks > job.tasks && job.state !== 'open') refuse('INVALID_ARGUMENT', `job ${job.id} is ${job.state}`);
    if (tasks > job.tasks && job.sealed) refuse('INVALID_ARGUMENT', `job ${job.id} is sealed`);
    if (tasks > tasksPerJobMax) refuse('OVERLOADED', `a job has at most ${tasksPerJobMax} tasks`);
    const sealed = job.sealed || request.seal === true;
    if (tasks === job.tasks && sealed === job.sealed) return job;
    return this.#announce(this.#save({ ...job, tasks, sealed }), [], scope);
  }

  /** `task.claim`. */
  claim(request: Commands['task.claim']['request'], scope: Scope): Commands['task.claim']['reply'] {
    if (request.fence !== undefined) this.#shards.check(request.fence);
    const by = text(request.by, 'by', this.#limits.nameCharsMax);
    const limit = whole(request.limit, 'limit', 1, this.#limits.tasksPerCommandMax);
    const leaseUntil = scope.now + whole(request.leaseMs, 'leaseMs', 1, this.#limits.leaseMsMax);
    const job = this.get({ id: request.job });
    if (job.state !== 'open') return { tasks: [] };
    const rows: TaskRow[] = [];
    let bytes = 0;
    for (const row of this.#waiting.iterate(job.id, limit)) {
      bytes += row.input.byteLength;
      if (rows.length > 0 && bytes > this.#limits.claimBytesMax) break;
      rows.push(row);
    }
    const tasks = rows.map((row) => {
      this.#claim.run(by, leaseUntil, job.id, row.position);
      return toTask({
        ...row,
        state: 'claimed',
        claim_epoch: row.claim_epoch + 1,
        claimed_by: by,
        lease_until: leaseUntil,
      });
    });
    if (tasks.length > 0) scope.due(leaseUntil);
    return { tasks };
  }

  /** `task.settle`. */
  settle(request: Commands['task.settle']['request'], scope: Scope): JobRecord {
    if (request.fence !== undefined) this.#shards.check(request.fence);
    const job = this.get({ id: request.job });
    const settled: Settled[] = [];
    for (const { task, claimEpoch, ok, result } of list(
      request.outcomes,
      'outcomes',
      this.#limits.tasksPerCommandMax,
    )) {
      blob(result, 'result', this.#limits.blobBytesMax);
      const row = this.#find.get(job.id, task);
      if (row === undefined) refuse('NOT_FOUND', `job ${job.id} has no task ${task}`);
      const [position, state, epoch, leaseUntil] = row;
      const outcome = ok ? 'completed' : 'failed';
      if (epoch === claimEpoch && state === outcome) continue;
      if (epoch !== claimEpoch || state !== 'claimed' || leaseUntil === null || leaseUntil <= scope.now) {
        refuse('CLAIM_LOST', `the claim on ${task} of ${job.id} is lost`, { task, claimEpoch: epoch });
      }
      this.#settle.run(outcome, result, job.id, position);
      settled.push({ task, position, ok, result });
    }
    if (settled.length === 0) return job;
    const completed = settled.filter(({ ok }) => ok).length;
    scope.totals.tasksCompleted += completed;
    const next = {
      ...job,
      completed: job.completed + completed,
      failed: job.failed + settled.length - completed,
    };
    return this.#announce(this.#save(next), settled, scope);
  }

  /** `job.close`. */
  close(request: Commands['job.close']['request'], scope: Scope): JobRecord {
    const job = this.get(request);
    if (job.state !== 'open') return job;
    this.#freeJob.run(job.id);
    const closed = this.#save({ ...job, state: request.cancelled ? 'cancelled' : 'closed' }, scope.index);
    for (const [old] of this.#oldJobs.all(this.#limits.jobsClosedMax)) {
      this.#dropTasks.run(old);
      this.#dropJob.run(old);
    }
    return this.#announce(closed, [], scope);
  }

  /** Frees claims whose lease is over. */
  expire(now: number): void {
    for (const [job, position] of this.#lapsed.all(now, this.#limits.duePerEntryMax)) this.#free.run(job, position);
  }

  /** When the next claim lapses, logged time. */
  nextDue(): number {
    return this.#nextDue.get()?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** `job.get`. */
  get(request: Queries['job.get']['request']): JobRecord {
    const row = this.#findJob.get(text(request.id, 'id', this.#limits.nameCharsMax));
    return row === undefined ? refuse('NOT_FOUND', `there is no job ${request.id}`) : toJob(row);
  }

  /** `job.list`: in order of id, after `after`. */
  listJobs(request: Queries['job.list']['request']): Queries['job.list']['reply'] {
    const limit = whole(request.limit, 'limit', 1, this.#limits.pageItemsMax);
    return { jobs: this.#listJobs.all(request.after, request.state ?? null, limit).map(toJob) };
  }

  /** `job.tasks`: in order of position, after position `after` (-1 for all). */
  list(request: Queries['job.tasks']['request']): Queries['job.tasks']['reply'] {
    const limit = whole(request.limit, 'limit', 1, this.#limits.pageItemsMax);
    const { id } = this.get(request);
    const tasks: TaskRecord[] = [];
    let bytes = 0;
    for (const row of this.#page.iterate(id, request.after, request.state ?? null, limit)) {
      bytes += row.input.byteLength + (row.result?.byteLength ?? 0);
      if (tasks.length > 0 && bytes > this.#limits.pageBytesMax) break;
      tasks.push(toTask(row));
    }
    return { tasks };
  }

  #save(job: JobRecord, closed: number | null = null): JobRecord {
    this.#saveJob.run(job.state, job.sealed ? 1 : 0, job.tasks, job.completed, job.failed, closed, job.id);
    return job;
  }

  #announce(job: JobRecord, settled: readonly Settled[], scope: Scope): JobRecord {
    scope.emit({ type: 'job', job, settled });
    return job;
  }
}

function toJob({ id, state, sealed, tasks, completed, failed, spec }: JobRow): JobRecord {
  return { id, state, sealed: sealed === 1, tasks, completed, failed, spec };
}

function toTask(row: TaskRow): TaskRecord {
  return {
    job: row.job,
    task: row.task,
    position: row.position,
    input: row.input,
    state: row.state,
    claimEpoch: row.claim_epoch,
    ...present({ claimedBy: row.claimed_by, leaseUntil: row.lease_until, result: row.result }),
  };
}
