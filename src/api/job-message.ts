import type { JobSpec, TaskOutcome, WorkItem } from '../agent/index.ts';
import type { JobRecord } from '../coordinator/index.ts';
import type { WireError } from '../core/index.ts';
import type { Job, Job__Output } from '../wire/generated/troupe/v1/Job.ts';
import type { JobHeader, JobHeader__Output } from '../wire/generated/troupe/v1/JobHeader.ts';
import type { TaskOutcome as OutcomeMessage, TaskOutcome__Output } from '../wire/generated/troupe/v1/TaskOutcome.ts';
import type { WorkItem as ItemMessage, WorkItem__Output } from '../wire/generated/troupe/v1/WorkItem.ts';
import { detailToWireError, wireErrorToDetail } from '../wire/index.ts';
import { fromJsonBytes, toJsonBytes } from './json.ts';

/** What a job gets where its header says 0. */
export const JOB_DEFAULTS: JobSpec = { concurrency: 64, attempts: 3, timeoutMs: 60_000 };

const STATE_MESSAGE = {
  open: 'JOB_STATE_OPEN',
  closed: 'JOB_STATE_CLOSED',
  cancelled: 'JOB_STATE_CANCELLED',
} as const satisfies Record<JobRecord['state'], string>;

const STATE_RECORD: Readonly<Record<string, JobRecord['state']>> = {
  JOB_STATE_OPEN: 'open',
  JOB_STATE_CLOSED: 'closed',
  JOB_STATE_CANCELLED: 'cancelled',
};

const NO_SPEC: Uint8Array = new Uint8Array(0);

/** A job as the API shows it. */
export function toJob(record: JobRecord): Job {
  const { id, sealed, tasks, completed, failed } = record;
  return { id, state: STATE_MESSAGE[record.state], sealed, tasks, completed, failed };
}

/** The record behind `toJob`; its `spec` is the cluster's own business and stays empty. */
export function fromJob(job: Job__Output | null | undefined): JobRecord {
  return {
    id: job?.id ?? '',
    state: STATE_RECORD[job?.state ?? ''] ?? 'open',
    sealed: job?.sealed ?? false,
    tasks: job?.tasks ?? 0,
    completed: job?.completed ?? 0,
    failed: job?.failed ?? 0,
    spec: NO_SPEC,
  };
}

/** A job's header as the API carries it; the trace context travels as metadata. */
export function toJobHeader(id: string, spec: JobSpec): JobHeader {
  return { id, concurrency: spec.concurrency, attempts: spec.attempts, timeoutMs: spec.timeoutMs };
}

/** The spec behind `toJobHeader`, with the defaults that api.proto promises. */
export function fromJobHeader(header: JobHeader__Output, traceparent: string | undefined): JobSpec {
  return {
    concurrency: header.concurrency || JOB_DEFAULTS.concurrency,
    attempts: header.attempts || JOB_DEFAULTS.attempts,
    timeoutMs: header.timeoutMs || JOB_DEFAULTS.timeoutMs,
    traceparent,
  };
}

/** One item of a job as the API carries it. */
export function toWorkItem(item: WorkItem): ItemMessage & { readonly payload: Uint8Array } {
  const payload = toJsonBytes(item.input, `input of ${item.kind}/${item.key}`);
  return { kind: item.kind, key: item.key, method: item.method, payload };
}

/** The item behind `toWorkItem`. */
export function fromWorkItem(item: WorkItem__Output): WorkItem {
  const { kind = '', key = '', method = '' } = item;
  return { kind, key, method, input: fromJsonBytes(item.payload, `payload of ${kind}/${key}`) };
}

/** A settled task as the API carries it. */
export function toOutcome(outcome: TaskOutcome): OutcomeMessage {
  const { task, position } = outcome;
  if (outcome.ok) return { task, position, payload: toJsonBytes(outcome.value, `reply of task ${task}`) };
  return { task, position, error: wireErrorToDetail(outcome.value as WireError) };
}

/** The outcome behind `toOutcome`. */
export function fromOutcome(outcome: TaskOutcome__Output): TaskOutcome {
  const { task = '', position = 0 } = outcome;
  if (outcome.error != null) return { task, position, ok: false, value: detailToWireError(outcome.error) };
  return { task, position, ok: true, value: fromJsonBytes(outcome.payload, `reply of task ${task}`) };
}
