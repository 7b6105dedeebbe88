import type { Host, JobSpec, WorkItem } from '../agent/index.ts';
import { type Coordinator, type JobRecord, LEDGER_LIMITS, type TaskRecord } from '../coordinator/index.ts';
import {
  asTroupeError,
  type Clock,
  delay,
  errorMessage,
  type Fence,
  isTroupeError,
  type Logger,
  shardKey,
  TroupeError,
  toWireError,
} from '../core/index.ts';
import { decodePayload, encodePayload } from '../wire/index.ts';

/** Tasks claimed, read or settled in one command. */
const BATCH_MAX = 256;
/** Results settled in one command, bytes (at least one result). */
const BATCH_BYTES_MAX = 1024 * 1024;
/** The largest result that the ledger takes, bytes; a larger one fails its item. */
const RESULT_BYTES_MAX = LEDGER_LIMITS.blobBytesMax;
/** What is kept of an error's message that is too large, UTF-16 code units. */
const SHORT_MESSAGE_CHARS = 1_000;
/** Most items in flight that a job may ask for. */
const CONCURRENCY_MAX = 4_096;
/** Added to the time that all tries of a task may take: a claim outlives its work, ms. */
const LEASE_SLACK_MS = 60_000;
/** Pause before a failed task is tried again, and before the ledger is asked again when it can't be reached, ms. */
const RETRY_MS = 200;
/** Errors after which an item may be tried again. */
const TRY_AGAIN = new Set([
  'TIMEOUT',
  'HANDLER_FAILED',
  'MAILBOX_FULL',
  'OVERLOADED',
  'NODE_UNAVAILABLE',
  'ACTOR_TERMINATED',
]);

/** What one run of a job is made of. */
export interface JobRunParts {
  readonly job: JobRecord;
  readonly fence: Fence;
  readonly coordinator: Coordinator;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Outcome {
  readonly task: string;
  readonly ok: boolean;
  readonly result: Uint8Array;
}

/**
 * One job under one epoch of its shard: claims tasks, asks the agents, settles the outcomes, closes the job. Its memory of what is
 * under way outlives a ledger that can't be reached for a while.
 */
export class JobRun {
  readonly fence: Fence;
  readonly #parts: JobRunParts;
  readonly #spec: JobSpec;
  /** Tasks claimed here and not settled, with the epoch of their newest claim. */
  readonly #underWay: Map<string, number> = new Map();
  readonly #ended: Outcome[] = [];
  /** Fires when the job is closed: what is under way then is for nobody. */
  readonly #closed = new AbortController();
  #stopped = false;
  #woken = false;
  #wake: () => void = () => undefined;

  constructor(parts: JobRunParts) {
    this.#parts = parts;
    this.fence = parts.fence;
    this.#spec = decodePayload(parts.job.spec) as JobSpec;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends the run; what is under way goes on in its agents, and its outcome is for the next owner to settle. */
  stop(): void {
    this.#stopped = true;
    this.#rouse();
  }

  /** The job has changed. */
  changed(job: JobRecord): void {
    if (job.state !== 'open')
      this.#closed.abort(new TroupeError('CANCELLED', 'the job is closed', { address: job.id }));
    this.#rouse();
  }

  #rouse(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Resolves when the job is closed, the run is stopped, or the shard has another owner. */
  async run(): Promise<void> {
    const { logger, clock, job } = this.#parts;
    logger.info('job runs here', { job: job.id, epoch: this.fence.epoch, completed: job.completed });
    for (let recover = true; !this.#stopped; ) {
      try {
        if (recover) await this.#recover();
        recover = false;
        if (await this.#round()) return;
      } catch (error) {
        if (isTroupeError(error) && (error.code === 'STALE_EPOCH' || error.code === 'NOT_FOUND')) return;
        logger.warn('job interrupted', { job: job.id, error: errorMessage(error) });
        await delay(clock, RETRY_MS);
        recover = true;
      }
    }
  }

  /** Settles what ended, claims what there is room for, and waits for a change. @returns whether the job is closed */
  async #round(): Promise<boolean> {
    const { coordinator, job } = this.#parts;
    this.#woken = false;
    if (this.#closed.signal.aborted) return true;
    await this.#settle();
    if (await this.#claim()) return false;
    if (this.#underWay.size === 0) {
      const now = await coordinator.query('job.get', { id: job.id });
      if (now.state !== 'open') return true;
      if (now.sealed && now.completed + now.failed === now.tasks) {
        await coordinator.execute('job.close', { id: job.id, cancelled: false });
        return true;
      }
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#woken) resolve();
    });
    return false;
  }

  async #settle(): Promise<void> {
    const outcomes: (Outcome & { readonly claimEpoch: number })[] = [];
    let bytes = 0;
    for (const outcome of this.#ended.slice(0, BATCH_MAX)) {
      bytes += outcome.result.byteLength;
      if (outcomes.length > 0 && bytes > BATCH_BYTES_MAX) break;
      outcomes.push({ ...outcome, claimEpoch: this.#underWay.get(outcome.task) ?? 0 });
    }
    if (outcomes.length === 0) return;
    const { coordinator, job } = this.#parts;
    const options = { traceparent: this.#spec.traceparent };
    try {
      const request = { job: job.id, outcomes, fence: this.fence };
      this.changed(await coordinator.execute('task.settle', request, options));
    } catch (error) {
      const task = isTroupeError(error, 'CLAIM_LOST') ? error.data.task : undefined;
      const lost = outcomes.findIndex((outcome) => outcome.task === task);
      if (lost < 0) throw error;
      // It lapsed while the ledger couldn't be reached: claimed again, the agent answers again what it answered.
      this.#drop(lost, 1);
      return;
    }
    this.#drop(0, outcomes.length);
  }

  #drop(start: number, count: number): void {
    for (const outcome of this.#ended.splice(start, count)) this.#underWay.delete(outcome.task);
  }

  /** @returns whether there may be more to claim at once */
  async #claim(): Promise<boolean> {
    const room = Math.min(this.#spec.concurrency, CONCURRENCY_MAX) - this.#underWay.size;
    if (room <= 0) return this.#ended.length > 0;
    const { tasks } = await this.#parts.coordinator.execute('task.claim', {
      job: this.#parts.job.id,
      by: shardKey(this.fence),
      limit: Math.min(room, BATCH_MAX),
      leaseMs: this.#spec.attempts * this.#spec.timeoutMs + LEASE_SLACK_MS,
      fence: this.fence,
    });
    for (const task of tasks) this.#start(task);
    return tasks.length > 0 || this.#ended.length > 0;
  }

  /**
   * Tasks that are claimed for this shard and that nobody works on: those of a claim whose answer was lost, or of an earlier run
   * here.
   */
  async #recover(): Promise<void> {
    for (let after = -1; ; ) {
      const { tasks } = await this.#parts.coordinator.query('job.tasks', {
        id: this.#parts.job.id,
        after,
        limit: BATCH_MAX,
        state: 'claimed',
      });
      for (const task of tasks) {
        if (task.claimedBy === shardKey(this.fence)) this.#start(task);
      }
      const last = tasks.at(-1);
      if (last === undefined) return;
      after = last.position;
    }
  }

  #start(task: TaskRecord): void {
    const known = this.#underWay.has(task.task);
    this.#underWay.set(task.task, task.claimEpoch);
    if (known) return;
    void this.#do(task).then((outcome) => {
      this.#ended.push({ task: task.task, ...outcome });
      this.#rouse();
    });
  }

  /** One item: the request id names the task, so that whoever asks again asks the same. */
  async #do(task: TaskRecord): Promise<{ readonly ok: boolean; readonly result: Uint8Array }> {
    const { host, clock, job } = this.#parts;
    const { timeoutMs, attempts, traceparent } = this.#spec;
    const signal = this.#closed.signal;
    const options = { timeoutMs, traceparent, signal, requestId: `job/${job.id}/${task.task}` };
    for (let attempt = 1; ; attempt++) {
      try {
        const item = decodePayload(task.input) as WorkItem;
        const value = await host.ask({ kind: item.kind, key: item.key }, item.method, item.input, options);
        return { ok: true, result: encodePayload(value, RESULT_BYTES_MAX) };
      } catch (error) {
        const known = asTroupeError(error, 'HANDLER_FAILED');
        // Too much is open on this node: the item waits for room, which is no try.
        if (known.code === 'OVERLOADED' && known.undelivered !== undefined) attempt--;
        if (this.#stopped || attempt >= attempts || !TRY_AGAIN.has(known.code)) {
          return { ok: false, result: encodeFailure(known) };
        }
        await delay(clock, RETRY_MS);
      }
    }
  }
}

/** The error for the ledger; without its details when they are over the limit. */
function encodeFailure(error: TroupeError): Uint8Array {
  const whole = encodePayload(toWireError(error));
  if (whole.byteLength <= RESULT_BYTES_MAX) return whole;
  return encodePayload({ code: error.code, message: error.message.slice(0, SHORT_MESSAGE_CHARS) });
}
