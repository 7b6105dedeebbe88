import type { Host } from '../agent/index.ts';
import { type ClusterMap, sameNode } from '../cluster/index.ts';
import type { Coordinator, GroupSpec, JobRecord, ShardRecord } from '../coordinator/index.ts';
import { type Clock, errorMessage, type Fence, type Logger, type NodeRef, shardOf, type Timer } from '../core/index.ts';
import { JobRun } from './job-run.ts';

/** Open jobs looked at when a shard arrives. */
const JOBS_PER_READ = 256;
/** Pause before the open jobs are read again when the ledger couldn't be reached, ms. */
const READ_AGAIN_MS = 1_000;
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

/**
 * Runs the jobs whose shard this node owns. Claims and outcomes carry the shard's epoch, so an earlier owner's are refused; a new
 * owner claims what was under way again, under the same request ids, so that agents recognise it.
 */
export class JobRunner {
  readonly #parts: JobRunnerParts;
  readonly #runs: Map<string, JobRun> = new Map();
  readonly #stop: (() => void)[] = [];
  #readAgain: Timer | undefined;
  #closed = false;

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
    for (const run of this.#runs.values()) if (run.fence.shard === shard) run.stop();
  }

  /** Goes on with the jobs of a shard that stays after all. */
  resume(shard: number): void {
    const record = this.#parts.map.shard({ group: jobGroup.group, shard });
    if (record !== undefined) this.#shardChanged(record);
  }

  close(): void {
    this.#closed = true;
    this.#readAgain?.cancel();
    for (const stop of this.#stop) stop();
    for (const run of this.#runs.values()) run.stop();
  }

  #shardChanged(shard: ShardRecord): void {
    const owned = sameNode(shard.owner, this.#parts.self);
    for (const run of this.#runs.values()) {
      if (run.fence.shard === shard.shard && (!owned || run.fence.epoch !== shard.epoch)) run.stop();
    }
    if (owned) void this.#scan();
  }

  #scanOwned(): void {
    const { map, self } = this.#parts;
    if (map.shards().some((shard) => shard.group === jobGroup.group && sameNode(shard.owner, self))) void this.#scan();
  }

  async #scan(): Promise<void> {
    const { coordinator, clock, logger } = this.#parts;
    try {
      for (let after = ''; ; ) {
        const { jobs } = await coordinator.query('job.list', { state: 'open', after, limit: JOBS_PER_READ });
        for (const job of jobs) this.#jobChanged(job);
        const last = jobs.at(-1);
        if (last === undefined) return;
        after = last.id;
      }
    } catch (error) {
      if (this.#closed) return;
      logger.debug('open jobs not read', { error: errorMessage(error) });
      this.#readAgain?.cancel();
      this.#readAgain = clock.schedule(READ_AGAIN_MS, () => this.#scanOwned());
    }
  }

  #jobChanged(job: JobRecord): void {
    const known = this.#runs.get(job.id);
    if (known !== undefined && !known.stopped) known.changed(job);
    if ((known !== undefined && !known.stopped) || job.state !== 'open') return;
    const record = this.#parts.map.shard({ group: jobGroup.group, shard: shardOf(job.id, jobGroup.shards) });
    if (record === undefined || !sameNode(record.owner, this.#parts.self)) return;
    const { coordinator, host, clock, logger } = this.#parts;
    const fence: Fence = { group: record.group, shard: record.shard, epoch: record.epoch };
    const run = new JobRun({ job, fence, coordinator, host, clock, logger });
    this.#runs.set(job.id, run);
    void run.run().finally(() => {
      if (this.#runs.get(job.id) === run) this.#runs.delete(job.id);
    });
  }
}
