import type { Host, JobSpec, WorkItem } from '../agent/index.ts';
import { type ClusterMap, sameNode } from '../cluster/index.ts';
import type { Coordinator, GroupSpec, JobRecord, ShardRecord, TaskRecord } from '../coordinator/index.ts';
import { asTroupeError, type Clock, delay, errorMessage, type Fence, isTroupeError, type Logger, type NodeRef, shardKey, shardOf, toWireError } from '../core/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';

/** Tasks claimed in one command. */
const CLAIM_MAX = 256;
/** Most items in flight that a job may ask for. */
const CONCURRENCY_MAX = 4_096;
/** Added to the time that all tries of a task may take: a claim outlives its work, ms. */
const LEASE_SLACK_MS = 60_000;
/** Pause before a failed task is tried again, and before the ledger is asked again when it can't be reached, ms. */
const RETRY_MS = 200;
/** Open jobs looked at when a shard arrives. */
const JOBS_PER_READ = 256;
/** Errors after which an item may be tried again. */
const TRY_AGAIN = new Set(['TIMEOUT', 'HANDLER_FAILED', 'MAILBOX_FULL', 'OVERLOADED', 'NODE_UNAVAILABLE', 'ACTOR_TERMINATED']);

/** The shards that jobs are spread over; whoever owns a job's shard runs it. Steady nodes are better at it. */
export const jobGroup: GroupSpec = { group: 'troupe.job', shards: 16, placement: { avoid: { capacity: 'spot' } } };

/** What the runner is made of. */
export interface JobRunnerParts {
  readonly self: NodeRef;
  readonly map: ClusterMap;
  readonly coordinator: Coordinator;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Run {
  readonly fence: Fence;
  stopped: boolean;
  /** Wakes the run when the job changed or a task ended. */
  wake: () => void;
}

/**
 * Runs the jobs whose shard this node owns. Claims and outcomes carry the shard's epoch, so an earlier owner's are refused; a new
 * owner claims what was under way again, under the same request ids, so that agents recognise it.
 */
export class JobRunner {
  readonly #parts: JobRunnerParts;
  readonly #runs: Map<string, Run> = new Map();
  readonly #stop: (() => void)[] = [];

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
    this.#stop.push(
      parts.map.onChange((change) => {
        for (const shard of change.shards) if (shard.group === jobGroup.group) this.#shardChanged(shard);
      }),
    );
    this.#stop.push(
      parts.coordinator.watch((delivery) => {
        if (delivery.type === 'view') return this.#scanOwned();
        for (const event of delivery.events) if (event.type === 'job') this.#jobChanged(event.job);
      }),
    );
  }

  /** Stops the jobs of a shard that is to move; what is under way is claimed again by the next owner. */
  release(shard: number): void {
    for (const run of this.#runs.values()) if (run.fence.shard === shard) this.#end(run);
  }

  /** Goes on with the jobs of a shard that stays after all. */
  resume(shard: number): void {
    const record = this.#parts.map.shard({ group: jobGroup.group, shard });
    if (record !== undefined) this.#shardChanged(record);
  }

  close(): void {
    for (const stop of this.#stop) stop();
    for (const run of this.#runs.values()) this.#end(run);
  }

  #end(run: Run): void {
    run.stopped = true;
    run.wake();
  }

  #shardChanged(shard: ShardRecord): void {
    const owned = sameNode(shard.owner, this.#parts.self);
    for (const run of this.#runs.values()) {
      if (run.fence.shard === shard.shard && (!owned || run.fence.epoch !== shard.epoch)) this.#end(run);
    }
    if (owned) void this.#scan();
  }

  #scanOwned(): void {
    const { map, self } = this.#parts;
    if (map.shards().some((shard) => shard.group === jobGroup.group && sameNode(shard.owner, self))) void this.#scan();
  }

  async #scan(): Promise<void> {
    const { coordinator, logger } = this.#parts;
    try {
      for (let after = ''; ; ) {
        const { jobs } = await coordinator.query('job.list', { state: 'open', after, limit: JOBS_PER_READ });
        for (const job of jobs) this.#jobChanged(job);
        const last = jobs.at(-1);
        if (last === undefined) return;
        after = last.id;
      }
    } catch (error) {
      logger.debug('open jobs not read; the next change of the view asks again', { error: errorMessage(error) });
    }
  }

  #jobChanged(job: JobRecord): void {
    const known = this.#runs.get(job.id);
    if (known !== undefined && !known.stopped) return known.wake();
    if (job.state !== 'open') return;
    const record = this.#parts.map.shard({ group: jobGroup.group, shard: shardOf(job.id, jobGroup.shards) });
    if (record === undefined || !sameNode(record.owner, this.#parts.self)) return;
    const fence: Fence = { group: record.group, shard: record.shard, epoch: record.epoch };
    const run: Run = { fence, stopped: false, wake: () => undefined };
    this.#runs.set(job.id, run);
    void this.#run(job, run).finally(() => {
      if (this.#runs.get(job.id) === run) this.#runs.delete(job.id);
    });
  }

  async #run(job: JobRecord, run: Run): Promise<void> {
    const { logger, clock } = this.#parts;
    const spec = decodePayload(job.spec) as JobSpec;
    logger.info('job runs here', { job: job.id, epoch: run.fence.epoch, completed: job.completed });
    while (!run.stopped) {
      try {
        if (await this.#work(job.id, spec, run)) return;
      } catch (error) {
        if (isTroupeError(error) && (error.code === 'STALE_EPOCH' || error.code === 'NOT_FOUND')) return;
        logger.warn('job interrupted', { job: job.id, error: errorMessage(error) });
        await delay(clock, RETRY_MS);
      }
    }
  }

  /** Claims, asks and settles until every task is settled. @returns whether the job is closed */
  async #work(id: string, spec: JobSpec, run: Run): Promise<boolean> {
    const { coordinator } = this.#parts;
    const concurrency = Math.min(spec.concurrency, CONCURRENCY_MAX);
    const options = { traceparent: spec.traceparent };
    const ended: { task: TaskRecord; ok: boolean; result: Uint8Array }[] = [];
    let inFlight = 0;
    let exhausted = false;
    for (;;) {
      let changed = false;
      const pause = new Promise<void>((resolve) => {
        run.wake = () => {
          changed = true;
          resolve();
        };
      });
      if (run.stopped) return false;
      if (ended.length > 0) {
        const outcomes = ended.splice(0).map(({ task, ok, result }) => ({ task: task.task, claimEpoch: task.claimEpoch, ok, result }));
        const job = await coordinator.execute('task.settle', { job: id, outcomes, fence: run.fence }, options);
        if (job.state !== 'open') return true;
        if (job.sealed && job.completed + job.failed === job.tasks) exhausted = true;
      }
      if (!exhausted && inFlight < concurrency) {
        const { tasks } = await coordinator.execute('task.claim', {
          job: id,
          by: shardKey(run.fence),
          limit: Math.min(concurrency - inFlight, CLAIM_MAX),
          leaseMs: spec.attempts * spec.timeoutMs + LEASE_SLACK_MS,
          fence: run.fence,
        });
        for (const task of tasks) {
          inFlight++;
          void this.#do(id, task, spec, run).then((outcome) => {
            inFlight--;
            ended.push({ task, ...outcome });
            run.wake();
          });
        }
        if (tasks.length > 0) continue;
      }
      if (inFlight === 0 && ended.length === 0) {
        const job = await coordinator.query('job.get', { id });
        if (job.state !== 'open') return true;
        if (job.sealed && job.completed + job.failed === job.tasks) {
          await coordinator.execute('job.close', { id, cancelled: false });
          return true;
        }
      }
      if (!changed) await pause;
    }
  }

  /** One item: the request id names the task, so that whoever asks again asks the same. */
  async #do(id: string, task: TaskRecord, spec: JobSpec, run: Run): Promise<{ ok: boolean; result: Uint8Array }> {
    const { host, clock } = this.#parts;
    const item = decodePayload(task.input) as WorkItem;
    for (let attempt = 1; ; attempt++) {
      try {
        const value = await host.ask({ kind: item.kind, key: item.key }, item.method, item.input, {
          timeoutMs: spec.timeoutMs,
          requestId: `job/${id}/${task.task}`,
          traceparent: spec.traceparent,
        });
        return { ok: true, result: encodePayload(value) };
      } catch (error) {
        const known = asTroupeError(error, 'HANDLER_FAILED');
        if (run.stopped || attempt >= spec.attempts || !TRY_AGAIN.has(known.code)) {
          return { ok: false, result: encodePayload(toWireError(known)) };
        }
        await delay(clock, RETRY_MS);
      }
    }
  }
}
